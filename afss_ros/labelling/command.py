"""`afss label` without its command line: open, label, finish, report."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from afss_ros.bags import BagError
from afss_ros.datasets import DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.shards import write_instances
from afss_ros.labelling.assemble import assemble
from afss_ros.labelling.engine import LabellingRun, Progress
from afss_ros.labelling.exports import write_bag, write_yolo
from afss_ros.labelling.inputs import open_input
from afss_ros.labelling.lock import pinned
from afss_ros.labelling.manifest import Manifest
from afss_ros.labelling.report import write_report
from afss_ros.labelling.settings import LabelSettings
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Access
from afss_ros.threads import limited

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
    with limited(), closing(open_input(path, topics)) as source:
        teacher = assemble(pinned(settings, out), access)
        with closing(LabellingRun(out, source, teacher, settings)) as run:
            started(source.length)
            for progress in run.run():
                advanced(progress)
            counts = run.finish()
    finish_set(out, bag=bag)
    return counts


def finish(out: Path, *, bag: bool = True) -> dict[str, int]:
    """Write what is made from a whole set from the part of it that is labelled: COCO, YOLO, the report, the bag.

    The set is not changed; `label` goes on with it, and writes these again.

    Returns:
        Frames by status, of those that were looked at so far.

    Raises:
        TeacherError: nothing is labelled in `out`, somebody labels there, or it cannot be written.
    """
    if not (out / "dataset.json").exists() or not (out / "manifest.jsonl").exists():
        raise TeacherError(f"{out}: nothing is labelled here, so there is nothing to finish; check --out")
    with closing(Manifest(out / "manifest.jsonl")) as manifest:  # it is locked meanwhile
        try:
            write_instances(out)
            counts = _recount(out / "summary.json", manifest.counts)
        except (OSError, ValueError) as error:
            raise TeacherError(f"{out}: cannot be finished ({error}); make room, and run the same again") from error
        finish_set(out, bag=bag)
    return counts


def _recount(summary: Path, counts: dict[str, int]) -> dict[str, int]:
    """Bring the summary of a set that was finished before up to date; one that never was has none yet."""
    if not summary.exists():
        return counts
    content = json.loads(summary.read_text())
    content["frames"] = {**counts, "thinned": content["frames"].get("thinned", 0)}
    write_atomically(summary, (json.dumps(content, indent=1) + "\n").encode())
    return {**content["frames"]}


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
