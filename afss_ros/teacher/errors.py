"""The one exception of the teacher."""

from __future__ import annotations


class TeacherError(ValueError):
    """Labelling cannot go on: a setting, a checkpoint, an input or an output folder is not usable. Says the cure."""
