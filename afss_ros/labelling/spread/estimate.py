"""What a labelling run will take: a few frames are labelled beside it, and thrown away."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagReader
from afss_ros.cluster import Crew
from afss_ros.cluster.estimate import Estimate, Trial, ceil, planned, size
from afss_ros.cluster.stores import expanded, local
from afss_ros.labelling.assemble import assemble
from afss_ros.labelling.frame import Labels, Pick, put_frame
from afss_ros.labelling.inputs import UNREADABLE, BagInput, Candidate, Input, ManyInputs, open_inputs
from afss_ros.labelling.plan import look
from afss_ros.labelling.select import Selection, Selector
from afss_ros.labelling.settings import LabelSettings
from afss_ros.labelling.spread.looks import SIZE
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Access
from afss_ros.teacher.protocols import Rgb
from afss_ros.threads import limited

BATCHES = 2
"""That are measured, after one that warms up."""


def estimate(
    paths: Sequence[Path | str],
    settings: LabelSettings,
    crew: Crew,
    *,
    topics: Sequence[str] = (),
    access: Access | None = None,
) -> Estimate:
    """Say what `command.label` will take. Recordings in a store are fetched, for their index is in them.

    Raises:
        TeacherError: there is nothing to label, or nothing to label with.
        ClusterError: a store or a cluster does not answer.
    """
    places = [local(name) for name in expanded(str(path) for path in paths)]
    with closing(open_inputs(places, topics)) as source:
        unit = settings.batch if settings.video.propagator == "off" else settings.video.chunk
        # One thread, as a worker has among others.
        with limited(1):
            trial = _measured(source, settings, access, unit)
        frames = _chosen(source, settings.frames)
    return planned(
        "frames",
        frames,
        ceil(frames, SIZE) + ceil(frames, unit),
        crew,
        trial,
        read=2.0 * sum(size(place) for place in places),
        note="; at most, for near-duplicates are not labelled",
    )


def _chosen(source: Input, frames: Selection) -> int:
    """How many frames place and time let through."""
    parts = source.parts if isinstance(source, ManyInputs) else [source]
    if any(part.length is None for part in parts):
        raise TeacherError("a video that does not say how long it is cannot be planned for")
    return sum(_of(part, frames) for part in parts)


def _of(part: Input, frames: Selection) -> int:
    length = part.length or 0
    count = ceil(length, frames.every)
    if frames.seconds and isinstance(part, BagInput):
        with closing(BagReader(part.path)) as bag:
            first, last = bag.span_ns
        count = min(count, len(part.topics) * (int((last - first) / 1e9 / frames.seconds) + 1))
    return count


def _measured(source: Input, settings: LabelSettings, access: Access | None, unit: int) -> Trial:
    teacher = assemble(settings, access)
    labels = Labels.of(settings, teacher.prompts)
    frames = _readable(source, settings.frames)
    seconds, done, written = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(BATCHES + 1):
            begun, before = time.perf_counter(), size(folder)
            batch = list(islice(frames, unit))
            if not batch:
                break
            found = teacher.label([image for _, image, _ in batch])
            for (candidate, image, hashed), instances in zip(batch, found, strict=True):
                put_frame(folder, Pick.of(candidate, hashed), image, tuple(instances), labels)
            if number > 0 or len(batch) < unit:  # the first loads things, unless it is all there is
                seconds += time.perf_counter() - begun
                done += len(batch)
                written += size(folder) - before
    if not done:
        raise TeacherError(f"{source.name}: too few frames can be read to plan by; label them, it will not take long")
    return Trial(done, seconds, written=float(written))


def _readable(source: Input, selection: Selection) -> Iterator[tuple[Candidate, Rgb, NDArray[np.uint8]]]:
    selector = Selector(selection)
    for item in source:
        if not isinstance(item, Candidate) or not selector.in_time(item.stamp_ns):
            continue
        try:
            image = item.read()
        except UNREADABLE:
            continue
        yield item, image, look(image)[0]
