"""Perception over files: the same student, no ROS graph."""

from afss_ros.run.errors import RunError
from afss_ros.run.perceive import Options, RunSummary, run
from afss_ros.run.sinks import FORMATS

__all__ = ["FORMATS", "Options", "RunError", "RunSummary", "run"]
