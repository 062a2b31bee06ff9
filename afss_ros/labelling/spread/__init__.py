"""One labelling run on many workers: they look and label, one process decides and lists, with the same bytes."""

from afss_ros.labelling.spread.looks import Looks
from afss_ros.labelling.spread.run import introduction, spread
from afss_ros.labelling.spread.step import LabelStep

__all__ = ["LabelStep", "Looks", "introduction", "spread"]
