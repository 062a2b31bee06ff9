"""A prediction over a raster by many workers: a shard is some rows of tiles, and the COG has the bytes of one process.

Strips are files beside the result; workers write them there, so that all of them have to see that folder. What the row
of tiles above a shard adds to its first strip is made again: one row in `ROWS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from afss_ros.cluster import Crew, SetAside, Shard, Tally
from afss_ros.cluster.estimate import Estimate, Trial, ceil, planned, size
from afss_ros.cluster.stores import is_url, local
from afss_ros.geo import bands
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Window, axis
from afss_ros.geo.looks import Network
from afss_ros.geo.predict import UNIT, Job, Layout, finish, lay_out, put_strips, student_networks
from afss_ros.geo.raster import Raster, bounded

ROWS = 8
"""Rows of tiles of a shard, at most."""


@dataclass(frozen=True, slots=True)
class PredictStep:
    """A prediction, for workers: a task is the first strip and the one after the last. See `cluster.Step`."""

    job: Job
    layout: Layout
    image: str
    model: str
    provider: str = "auto"

    @contextmanager
    def open(self) -> Iterator[Callable[[tuple[int, int]], int]]:
        """Load the student."""
        job = replace(self.job, image=local(self.image))
        students, networks, _ = student_networks(local(self.model), self.provider, 1)
        try:
            with bounded():

                def put(strips: tuple[int, int]) -> int:
                    put_strips(job, self.layout, networks, *strips)
                    return strips[1] - strips[0]

                yield put
        finally:
            for student in students:
                student.close()


def predict_by(
    crew: Crew,
    job: Job,
    model: Path | str,
    provider: str = "auto",
    *,
    image: str = "",
    report: Callable[[int, int], None] = lambda done, total: None,
    told: Callable[[Tally], None] = lambda tally: None,
) -> None:
    """As `predict.predict`, by the workers of a crew.

    Args:
        model: its path or URL.
        image: the raster's URL, where it is in a store.
        report: called with rows of tiles done and their number.
        told: how the work stands.

    Raises:
        GeoError: see `predict.predict`; or a shard cannot be done, in which case the others are.
        ClusterError: the workers cannot go on; the same command goes on.
    """
    here = Path.cwd()
    job = replace(job, image=here / job.image, out=here / job.out)
    with bounded():
        layout = lay_out(job)
        done = layout.count - len(layout.missing)
        report(done, layout.count)
        aside: list[SetAside] = []
        student = str(model if is_url(model) else here / model)
        step = PredictStep(job, layout, image or str(job.image), student, provider)
        for outcome in crew.run(step, shards(layout.missing, job.image.name), told):
            if isinstance(outcome, SetAside):
                aside.append(outcome)
                continue
            done += outcome.value
            report(done, layout.count)
        if aside:
            names = "; ".join(f"{outcome.shard.name}: {outcome.reason}" for outcome in aside[:3])
            raise GeoError(
                f"{job.out}: {len(aside)} shards cannot be done ({names}); the other strips are kept, and the same"
                " command tries these again"
            )
        finish(job, layout)


def shards(missing: list[int], name: str) -> Iterator[Shard]:
    """Runs of strips that are not there, in pieces."""
    for _, run in groupby(enumerate(missing), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        for at in range(0, len(numbers), ROWS):
            piece = numbers[at : at + ROWS]
            each = tuple(Shard(f"{name}: row of tiles {n}", (n, n + 1)) for n in piece)
            yield Shard(f"{name}: rows of tiles {piece[0]} to {piece[-1]}", (piece[0], piece[-1] + 1), each)


def estimate(job: Job, networks: Sequence[Network], crew: Crew, windows: int = 4) -> Estimate:
    """Say what a prediction will take: a few windows from the middle are looked at.

    Raises:
        GeoError: the raster cannot be read.
        ClusterError: the cluster does not answer.
    """
    with bounded(), Raster(job.image, zero_is_empty=job.zero_is_empty, wanted=job.wanted) as raster:
        grid, chosen = raster.grid, bands.numbers(raster, job.wanted)
        rows, cols = (axis(n, job.tile, job.overlap, UNIT) for n in (grid.height, grid.width))
        row = rows.starts[len(rows.starts) // 2]
        begun = time.perf_counter()
        for number in range(windows + 1):
            if number == 1:
                begun = time.perf_counter()  # the first loads things
            col = cols.starts[number % len(cols.starts)]
            networks[0](job.tone(raster.read(Window(row, col, job.tile, job.tile), chosen)))
        seconds = time.perf_counter() - begun
    count, strips = len(rows.starts) * len(cols.starts), len(rows.starts)
    again = 1 + (0 if strips <= ROWS else 1 / ROWS)
    trial = Trial(windows, seconds * again, written=2.0 * windows * grid.height * grid.width * len(job.names) / count)
    read = size(job.image) * again
    return planned(
        "windows", count, ceil(strips, ROWS), crew, trial, read=read, note=", strips and result, before compression"
    )
