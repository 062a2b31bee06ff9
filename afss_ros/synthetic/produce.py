"""Render a data set: sharded over processes, resumable, the same whatever the number of processes."""

from __future__ import annotations

import logging
import multiprocessing as mp
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros import __version__
from afss_ros.datasets import DatasetError, DatasetWriter, Instance, merge_shards, rle
from afss_ros.labels import BODY, CLASS_NAMES, PART_IDS, SPACECRAFT
from afss_ros.synthetic.draw import SPLITS
from afss_ros.synthetic.errors import SyntheticError

_LOG = logging.getLogger(__name__)
WORLD = 7
"""The version of the rendered world, one higher whenever the same seed makes another frame on purpose."""
WORLD_BEFORE_NATURE = 6
"""What a set without frames before nature is: to the bit the world of before."""
_ATTEMPTS = 3
"""Crashes in a row, none with a new frame, after which a set is given up."""
PARTS = tuple(CLASS_NAMES[i] for i in PART_IDS if i != BODY)
"""Looked for in every frame: whatever is drawn is known."""
MIN_PIXELS = 4
"""A craft that shows fewer pixels is in the label map, but is no instance."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to render. The same order always makes the same set."""

    root: Path
    count: int
    size: int = 512
    seed: int = 1
    split: str = "train"
    image_format: str = "jpg"
    nature: float = 0.0
    empty: float = 0.5

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise SyntheticError(f"split must be one of {', '.join(SPLITS)}, got {self.split!r}")
        if self.count < 1 or not 32 <= self.size <= 4096:
            raise SyntheticError(f"count must be at least 1 and size 32 to 4096, got {self.count} and {self.size}")
        if not (0 <= self.nature <= 1 and 0 <= self.empty <= 1):
            raise SyntheticError(f"nature and empty are shares, 0 to 1, got {self.nature} and {self.empty}")

    def key(self, index: int) -> str:
        """The name of one sample."""
        return f"{self.split}-{self.seed}-{index:06d}"

    def provenance(self) -> dict[str, Any]:
        """What every writer of the set must agree on; `count` may grow."""
        kept = {k: v for k, v in asdict(self).items() if k in ("size", "seed")}
        if self.nature:
            kept |= {"nature": self.nature, "empty": self.empty}
        world = WORLD if self.nature else WORLD_BEFORE_NATURE
        return {"generator": "afss render", "version": __version__, "world": world, **kept}


def find_instances(instances: NDArray[np.uint8]) -> list[Instance]:
    """One `Instance` with exact mask and tight box for every craft id of an instance map (H, W)."""
    found = []
    for value in np.unique(instances[instances > 0]):
        mask = instances == value
        if int(mask.sum()) >= MIN_PIXELS:
            found.append(Instance(CLASS_NAMES[SPACECRAFT], rle.box_of(mask), rle.encode(mask), 1.0))
    return found


def _render_shard(order: Order, shard: int, shards: int, told: Callable[[int | str], None]) -> None:
    """Render every `shards`-th sample of an order, telling each index, or why rendering stopped."""
    from afss_ros.synthetic.opengl.renderer import Renderer
    from afss_ros.synthetic.render import Nature, render_sample

    nature = Nature(order.nature, order.empty)

    try:
        with (
            DatasetWriter(order.root, provenance=order.provenance(), shard=shard) as writer,
            Renderer() as renderer,
        ):
            for index in range(shard, order.count, shards):
                key = order.key(index)
                if key not in writer:
                    sample = render_sample(renderer, order.seed, order.split, index, order.size, nature)
                    writer.add(
                        key, sample.image, sample.labels, find_instances(sample.instances), split=order.split,
                        attributes=sample.attributes, image_format=order.image_format, parts=PARTS,
                    )  # fmt: skip
                told(index)
    except (SyntheticError, DatasetError, OSError) as err:
        told(f"{type(err).__name__}: {err}")


def _work(order: Order, shard: int, shards: int, said: Connection) -> None:
    # Mesa's software rasteriser would start a thread for every core in every process.
    os.environ.setdefault("LP_NUM_THREADS", "1")
    _render_shard(order, shard, shards, said.send)


def produce(order: Order, processes: int = 2, progress: Callable[[int], None] | None = None) -> int:
    """Render what is missing of an order, call `progress(samples so far)`, and return how many the set has.

    Raises:
        SyntheticError: a worker failed; its reason is in the message. What is on disk stays and is not rendered again.
    """
    finished = 0

    def told(message: int | str) -> None:
        nonlocal finished
        if isinstance(message, str):
            raise SyntheticError(f"rendering {order.root} failed: {message}")
        finished += 1
        if progress is not None:
            progress(finished)

    if processes == 1:
        _render_shard(order, 0, 1, told)
    else:
        _spread(order, processes, told)
    return merge_shards(order.root)


@dataclass(slots=True)
class _Worker:
    shard: int
    process: SpawnProcess
    said: Connection
    failures: int = 0
    """Processes before this one that crashed one after another without a new frame."""
    new: int = 0
    """Frames that were first heard of from this process."""


def _begin(order: Order, shard: int, shards: int, failures: int = 0) -> _Worker:
    context = mp.get_context("spawn")
    said, saying = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(order, shard, shards, saying), daemon=True)
    process.start()
    saying.close()  # the child's alone, so that its end is heard here
    return _Worker(shard, process, said, failures)


def _spread(order: Order, processes: int, told: Callable[[int | str], None]) -> None:
    # A pipe for each: one that dies within a write to a shared queue would keep its lock from all others.
    workers = [_begin(order, shard, processes) for shard in range(processes)]
    finished: set[int] = set()
    try:
        while workers:
            ready = wait([worker.said for worker in workers])
            for worker in [w for w in workers if w.said in ready]:
                try:
                    message = worker.said.recv()
                except (EOFError, OSError):  # the second when it died within a message
                    workers.remove(worker)
                    workers.extend(_after(order, worker, processes))
                    continue
                if message in finished:
                    continue
                told(message)
                finished.add(message)
                worker.new += 1
    finally:
        for worker in workers:
            worker.process.terminate()


def _after(order: Order, ended: _Worker, shards: int) -> list[_Worker]:
    """Who goes on where a process has ended: nobody when it was done, another when it crashed.

    Drivers crash now and then, and the next process draws the same frame.

    Raises:
        SyntheticError: the third crash without a new frame.
    """
    ended.said.close()
    ended.process.join()
    code = ended.process.exitcode
    if code == 0:
        return []
    failures = 0 if ended.new else ended.failures + 1
    what = f"process {ended.shard} of {shards} died (exit code {code}) after {ended.new} new frames"
    if failures == _ATTEMPTS:
        raise SyntheticError(
            f"rendering {order.root} failed: {what}, as did {failures - 1} before it; what is on disk stays, run again"
            " to resume"
        )
    _LOG.warning("%s; another goes on from there", what)
    return [_begin(order, ended.shard, shards, failures)]
