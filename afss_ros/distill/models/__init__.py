"""Student networks: any decoder on any encoder, with heads for the boxes and the name of craft."""

from afss_ros.distill.models.build import DECODERS, ENCODERS, build, known_students, own_statistics
from afss_ros.distill.models.cost import Cost, cost
from afss_ros.distill.models.network import Network, Prediction

__all__ = ["DECODERS", "ENCODERS", "Cost", "Network", "Prediction", "build", "cost", "known_students", "own_statistics"]
