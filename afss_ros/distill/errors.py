"""What goes wrong with training and export."""

from __future__ import annotations


class DistillError(ValueError):
    """A recipe, run or export that cannot be used: names the thing, the value and the cure."""
