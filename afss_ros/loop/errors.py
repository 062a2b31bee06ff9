"""What goes wrong with the loop itself; its steps raise their own errors."""

from __future__ import annotations


class LoopError(ValueError):
    """A loop that cannot be run as configured: says what, and the cure."""
