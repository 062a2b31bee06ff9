"""`afss label` without its command line: open, label, finish, report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from afss_ros.bags import BagError
from afss_ros.datasets import DatasetError
from afss_ros.teacher.assemble import assemble
from afss_ros.teacher.checkpoints import Access
from afss_ros.teacher.engine import LabellingRun, Progress
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.exports import write_bag, write_yolo
from afss_ros.teacher.inputs import open_input
from afss_ros.teacher.lock import pinned
from afss_ros.teacher.report import write_report
from afss_ros.teacher.settings import LabelSettings

_log = logging.getLogger(__name__)
LABELLED_BAG = "labelled.mcap"


def label(
    path: Path,
    out: Path,
    settings: LabelSettings,
    *,
    topics: Sequence[str] = (),
    access: Access | None = None,
    bag: bool = True,
    started: Callable[[int | None], None] = lambda length: None,
    advanced: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, int]:
    """Label a bag, a folder of pictures or a video into `out`, or go on where an earlier run was stopped.

    Args:
        bag: write `labelled.mcap` too.
        started: told how many frames to expect.
        advanced: told of every step.

    Returns:
        Frames by status, see `manifest`; `thinned` are those passed over by their place or time.

    Raises:
        TeacherError: with the cure.
    """
    with closing(open_input(path, topics)) as source:
        teacher = assemble(pinned(settings, out), access)
        with closing(LabellingRun(out, source, teacher, settings)) as run:
            started(source.length)
            for progress in run.run():
                advanced(progress)
            counts = run.finish()
    finish_set(out, bag=bag)
    return counts


def finish_set(out: Path, *, bag: bool = True) -> None:
    """Write what is made from the whole set: YOLO files, the report, the labelled bag.

    Raises:
        TeacherError: the output cannot be written; running `label` again writes it.
    """
    try:
        write_yolo(out)
        write_report(out)
        if bag:
            write_bag(out, out / LABELLED_BAG)
    except (OSError, DatasetError, BagError) as error:
        raise TeacherError(
            f"all labels are in {out}, but not what is made from them: {error}. Make room, or make the folder"
            " writable, and run the same command again"
        ) from error
    _log.info("look at %s before training on it", out / "report.html")
