"""The filter of a labelling run: `datasets.keep` on the scores that the run gives."""

from __future__ import annotations

from collections.abc import Sequence

from afss_ros.datasets import DatasetError
from afss_ros.datasets.keep import Keep
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.values import SCORES

_CURES = {"agreement": "give two views or more (--views v4)", "temporal": "turn the video on (--video)"}


def parse_keep(text: str, available: Sequence[str] = SCORES) -> Keep:
    """Read a filter; an empty one keeps everything.

    Args:
        available: the scores that the run will give.

    Raises:
        TeacherError: it is no filter, or it names a score that the run does not give; says what would give it.
    """
    try:
        keep = Keep(text, SCORES)
    except DatasetError as error:
        raise TeacherError(str(error)) from error
    for name in sorted(keep.names - set(available)):
        raise TeacherError(f"--keep '{keep}' names {name}, which this run does not give; {_CURES.get(name, '')}")
    return keep
