"""The whole loop as one resumable program: label, select, train, relabel with the student, train, evaluate, report."""

from afss_ros.loop.errors import LoopError

__all__ = ["LoopError"]
