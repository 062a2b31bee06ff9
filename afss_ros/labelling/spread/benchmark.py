"""What a second worker brings, and what a shard costs beside its work: a part of `make bench`.

    python -m afss_ros.labelling.spread.benchmark [--rounds 5] [--shards 1000 10000 100000] [--out FILE.json]

One worker and two do the same shards in turns, round by round, so that a machine that is busy with other things is as
slow for one as for the other; all are begun beforehand, and those whose turn it is not sleep.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from afss_ros.cluster import Driver, Shard, Step
from afss_ros.cluster.processes import Processes
from afss_ros.cluster.stores import Folder
from afss_ros.datasets.files import write_atomically
from afss_ros.labelling.assemble import assemble, introduce
from afss_ros.labelling.frame import Pick
from afss_ros.labelling.inputs import Candidate, open_input
from afss_ros.labelling.plan import look
from afss_ros.labelling.settings import LabelSettings
from afss_ros.labelling.spread.step import Label, LabelStep, teacher_of
from afss_ros.share import share
from afss_ros.synthetic.produce import Order, RenderStep
from afss_ros.teacher.models.checkpoints import Access

_UNIT = 4
_UNITS = 8
"""Shards of a round: so few that a round is short, so many that the last one alone does not decide."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A step that does nothing. See `cluster.Step`."""

    @contextmanager
    def open(self) -> Iterator[Callable[[Any], None]]:
        """Nothing to load."""
        yield lambda task: None


def turns(step: Step, shards: Sequence[Shard], rounds: int) -> dict[str, Any]:
    """Seconds of one worker and of two for the same shards, in turns, and how much of double the two reach."""
    with closing(Processes(step, 1)) as one, closing(Processes(step, 2)) as two:
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for number in range(rounds + 1):
            for count, workers in ((1, one), (2, two)):
                while workers.ready < count:
                    workers.wait(0.1)
                begun = time.perf_counter()
                for _ in Driver(workers).run(shards):
                    pass
                if number > 0:  # the first loads things
                    seconds[count].append(time.perf_counter() - begun)
    ratios = [a / b / 2 for a, b in zip(seconds[1], seconds[2], strict=True)]
    return {
        "shards": len(shards),
        "rounds": rounds,
        "seconds_by_one": statistics.median(seconds[1]),
        "seconds_by_two": statistics.median(seconds[2]),
        "of_double": statistics.median(ratios),
        "of_double_by_round": ratios,
    }


def labelling(folder: Path, rounds: int) -> dict[str, Any]:
    """The offline teacher on the demo's frames, pictures read and files written."""
    bag, settings = share() / "demo" / "demo.mcap", LabelSettings()
    with closing(open_input(bag)) as source:
        frames = [item for item in islice(source, _UNIT * _UNITS) if isinstance(item, Candidate)]
        picks = [((0, place), Pick.of(item, look(item.read())[0])) for place, item in enumerate(frames)]
        topics = source.topics
    teacher = teacher_of(introduce(assemble(settings), settings))
    step = LabelStep((str(bag),), topics, Folder.of(folder), settings, Access(), str(folder))
    units = [picks[at : at + _UNIT] for at in range(0, len(picks), _UNIT)]
    shards = [Shard(unit[0][1].key, Label(tuple(unit), teacher)) for unit in units]
    found = turns(step, shards, rounds)
    return {**found, "frames_per_s_by_one": len(picks) / found["seconds_by_one"]}


def rendering(folder: Path, rounds: int) -> dict[str, Any]:
    """Frames of 512 x 512 pixels, files written."""
    order = Order(folder, _UNIT * _UNITS)
    shards = [Shard(str(at), tuple(range(at, at + _UNIT))) for at in range(0, order.count, _UNIT)]
    found = turns(RenderStep(order, Folder.of(folder)), shards, rounds)
    return {**found, "frames_per_s_by_one": order.count / found["seconds_by_one"]}


def overhead(count: int) -> dict[str, Any]:
    """Of the driver and two workers for so many shards of nothing; resident memory is this process's."""
    with closing(Processes(Nothing(), 2)) as workers:
        while workers.ready < 2:
            workers.wait(0.1)
        begun, used = time.perf_counter(), time.process_time()
        for _ in Driver(workers).run(Shard(str(number), number) for number in range(count)):
            pass
        seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "shards": count,
        "us_per_shard": seconds / count * 1e6,
        "driver_cpu_us_per_shard": cpu / count * 1e6,
        "peak_mib": resident,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m afss_ros.labelling.spread.benchmark", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shards", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="of nothing")
    parser.add_argument("--out", type=Path, help="write every figure here")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    report: dict[str, Any] = {"overhead": [overhead(count) for count in given.shards]}
    with tempfile.TemporaryDirectory() as folder:
        report["labelling"] = labelling(Path(folder, "labels"), given.rounds)
        report["rendering"] = rendering(Path(folder, "frames"), given.rounds)
    for name in ("labelling", "rendering"):
        part = report[name]
        sys.stdout.write(
            f"{name}: two workers reach {part['of_double']:.2f} of double"
            f" ({part['frames_per_s_by_one']:.2f} frames/s by one)\n"
        )
    for row in report["overhead"]:
        sys.stdout.write(
            f"{row['shards']:>7} shards of nothing: {row['us_per_shard']:.0f} us each,"
            f" {row['driver_cpu_us_per_shard']:.0f} us of them the driver's, peak {row['peak_mib']:.0f} MiB\n"
        )
    if given.out:
        write_atomically(given.out, (json.dumps(report, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
