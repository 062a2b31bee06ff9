"""`afss label` without its command line: open, label, finish, report."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from afss_ros.bags import BagError
from afss_ros.cluster import Crew
from afss_ros.cluster.stores import Folder, expanded, local, worked_on
from afss_ros.datasets import DatasetError
from afss_ros.datasets.files import remove_leftovers, write_atomically
from afss_ros.datasets.shards import write_instances
from afss_ros.labelling.assemble import assemble
from afss_ros.labelling.engine import LabellingRun, Progress
from afss_ros.labelling.exports import write_bag, write_yolo
from afss_ros.labelling.inputs import Input, open_inputs
from afss_ros.labelling.lock import pinned
from afss_ros.labelling.manifest import Manifest
from afss_ros.labelling.report import write_report
from afss_ros.labelling.settings import LabelSettings
from afss_ros.labelling.spread import LabelStep, Looks, introduction, spread
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Access
from afss_ros.threads import limited

_log = logging.getLogger(__name__)
LABELLED_BAG = "labelled.mcap"
LINES = ("dataset.json", "manifest.jsonl", "samples.jsonl", "summary.json")
"""What a run needs of a set to go on with it."""
_PUBLISH_S = 60.0
"""How often these are put into a store: a driver that is lost with its machine costs no more than this."""


def label(
    path: Path | str | Sequence[Path | str],
    out: Path | str,
    settings: LabelSettings,
    *,
    topics: Sequence[str] = (),
    access: Access | None = None,
    bag: bool = True,
    crew: Crew = Crew(),  # noqa: B008 - it is frozen
    started: Callable[[int | None], None] = lambda length: None,
    advanced: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, int]:
    """Label bags, folders of pictures or videos into `out`, or go on where an earlier run was stopped.

    Args:
        path: one of them, or several; a URL names what is in an object store, with wildcards if need be.
        out: the set's folder, or its URL.
        bag: write `labelled.mcap` too.
        crew: who does it; the output is the same.
        started: told how many frames to expect.
        advanced: told of every step.

    Returns:
        Frames by status, see `manifest`; `thinned` are those passed over by their place or time.

    Raises:
        TeacherError: with the cure.
        ClusterError: the workers of the crew cannot go on; likewise.
    """
    names = expanded(str(p) for p in ([path] if isinstance(path, Path | str) else path))
    paths = [local(name) for name in names]
    with worked_on(out, LINES) as (place, folder):
        with limited(), closing(open_inputs(paths, topics)) as source:
            run = _Run(names, source, folder, place, settings, access or Access(), started, advanced)
            counts = run.alone() if crew.alone else run.spread(crew)
        folder.fetch()  # what workers of other machines have put into a store
        finish_set(place, bag=bag)
    return counts


@dataclass(frozen=True, slots=True)
class _Run:
    names: Sequence[str]
    source: Input
    folder: Folder
    out: Path
    settings: LabelSettings
    access: Access
    started: Callable[[int | None], None]
    advanced: Callable[[Progress], None]

    def alone(self) -> dict[str, int]:
        """By this process."""
        teacher = assemble(pinned(self.settings, self.out), self.access)
        with closing(LabellingRun(self.out, self.source, teacher, self.settings)) as run:
            return self._finished(run, run.run())

    def spread(self, crew: Crew) -> dict[str, int]:
        """By the workers of a crew."""
        topics = self.source.topics if len(self.names) == 1 else ()
        settings = pinned(self.settings, self.out)
        step = LabelStep(tuple(self.names), topics, self.folder, settings, self.access, str(Path.cwd()))
        with crew.driver(step) as driver:
            teacher = introduction(driver)
            with closing(LabellingRun(self.out, self.source, teacher, self.settings)) as run:
                looks = Looks(self.source, self.names, self.settings.frames, run.is_known)
                counts = self._finished(run, spread(run, looks, driver, teacher))
        remove_leftovers(self.out)  # of workers that were killed
        return counts

    def _finished(self, run: LabellingRun, steps: Iterator[Progress]) -> dict[str, int]:
        self.started(self.source.length)
        published = time.monotonic()
        with closing(steps):  # type: ignore[type-var]
            for progress in steps:
                self.advanced(progress)
                if time.monotonic() - published > _PUBLISH_S:
                    self.folder.publish(name for name in LINES if (self.out / name).exists())
                    published = time.monotonic()
        return run.finish()


def finish(out: Path | str, *, bag: bool = True) -> dict[str, int]:
    """Write what is made from a whole set from the part of it that is labelled: COCO, YOLO, the report, the bag.

    The set is not changed; `label` goes on with it, and writes these again.

    Returns:
        Frames by status, of those that were looked at so far.

    Raises:
        TeacherError: nothing is labelled in `out`, somebody labels there, or it cannot be written.
    """
    with worked_on(out, LINES) as (place, folder):
        folder.fetch()
        return _finish(place, bag)


def _finish(out: Path, bag: bool) -> dict[str, int]:
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
