"""Work in shards, on this machine or on a Ray cluster: the same function on the same shard, wherever it runs."""

from afss_ros.cluster.crew import Crew
from afss_ros.cluster.drive import Driver
from afss_ros.cluster.work import ClusterError, Done, Outcome, SetAside, Shard, Step, Tally

__all__ = ["ClusterError", "Crew", "Done", "Driver", "Outcome", "SetAside", "Shard", "Step", "Tally"]
