"""What can go wrong in the rendered world."""

from __future__ import annotations


class SyntheticError(RuntimeError):
    """The rendered world cannot do what was asked; the message names the thing and the cure."""
