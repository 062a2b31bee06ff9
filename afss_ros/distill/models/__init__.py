"""Student networks: any decoder on any encoder, with heads for the craft's box and name."""

from afss_ros.distill.models.build import DECODERS, ENCODERS, build, known_students, own_statistics
from afss_ros.distill.models.cost import Cost, cost
from afss_ros.distill.models.network import Network, Prediction

__all__ = ["DECODERS", "ENCODERS", "Cost", "Network", "Prediction", "build", "cost", "known_students", "own_statistics"]
