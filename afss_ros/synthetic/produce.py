"""Render a data set: sharded over processes, resumable, the same whatever the number of processes."""

from __future__ import annotations

import multiprocessing as mp
import os
import queue
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros import __version__
from afss_ros.datasets import DatasetError, DatasetWriter, Instance, merge_shards, rle
from afss_ros.labels import CLASS_NAMES, SPACECRAFT
from afss_ros.synthetic.draw import SPLITS
from afss_ros.synthetic.errors import SyntheticError

WORLD = 6
"""The version of the rendered world, one higher whenever the same seed makes another frame on purpose."""
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

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise SyntheticError(f"split must be one of {', '.join(SPLITS)}, got {self.split!r}")
        if self.count < 1 or not 32 <= self.size <= 4096:
            raise SyntheticError(f"count must be at least 1 and size 32 to 4096, got {self.count} and {self.size}")

    def key(self, index: int) -> str:
        """The name of one sample."""
        return f"{self.split}-{self.seed}-{index:06d}"

    def provenance(self) -> dict[str, Any]:
        """What every writer of the set must agree on; `count` may grow."""
        kept = {k: v for k, v in asdict(self).items() if k in ("size", "seed")}
        return {"generator": "afss render", "version": __version__, "world": WORLD, **kept}


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
    from afss_ros.synthetic.render import render_sample
    from afss_ros.synthetic.renderer import Renderer

    try:
        with (
            DatasetWriter(order.root, provenance=order.provenance(), shard=shard) as writer,
            Renderer() as renderer,
        ):
            for index in range(shard, order.count, shards):
                key = order.key(index)
                if key not in writer:
                    sample = render_sample(renderer, order.seed, order.split, index, order.size)
                    writer.add(
                        key, sample.image, sample.labels, find_instances(sample.instances), split=order.split,
                        attributes=sample.attributes, image_format=order.image_format,
                    )  # fmt: skip
                told(index)
    except (SyntheticError, DatasetError, OSError) as err:
        told(f"{type(err).__name__}: {err}")


def _work(order: Order, shard: int, shards: int, done: mp.Queue[int | str]) -> None:
    # Mesa's software rasteriser would start a thread for every core in every process.
    os.environ.setdefault("LP_NUM_THREADS", "1")
    _render_shard(order, shard, shards, done.put)


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


def _spread(order: Order, processes: int, told: Callable[[int | str], None]) -> None:
    context = mp.get_context("spawn")
    done: mp.Queue[int | str] = context.Queue()
    workers = [
        context.Process(target=_work, args=(order, shard, processes, done), daemon=True) for shard in range(processes)
    ]
    for worker in workers:
        worker.start()
    try:
        for _ in range(order.count):
            told(_next(done, workers))
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            worker.terminate()


def _next(done: mp.Queue[int | str], workers: Sequence[BaseProcess]) -> int | str:
    """What a worker says next; an explanation when one died without a word."""
    while True:
        try:
            return done.get(timeout=1.0)
        except queue.Empty:
            codes = [worker.exitcode for worker in workers]
            if any(code not in (None, 0) for code in codes):
                return f"a process died (exit codes {codes}); run again to resume"
