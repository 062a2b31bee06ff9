"""From labels to a training set: what is worth learning from, and why the rest is not."""

from afss_ros.distill.selection.command import Selected, select
from afss_ros.distill.selection.settings import Selection

__all__ = ["Selected", "Selection", "select"]
