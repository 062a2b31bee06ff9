"""What goes wrong with data sets."""

from __future__ import annotations


class DatasetError(ValueError):
    """A data set, or one file of it, that cannot be used: names the file, what is wrong and the cure."""
