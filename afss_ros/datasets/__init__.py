"""Data sets: one form in memory, one on disk, and readers for the public ones."""

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Dataset, Instance, Problem, Sample
from afss_ros.datasets.forms import load
from afss_ros.datasets.shards import merge_shards
from afss_ros.datasets.writer import DatasetWriter

__all__ = ["Dataset", "DatasetError", "DatasetWriter", "Instance", "Problem", "Sample", "load", "merge_shards"]
