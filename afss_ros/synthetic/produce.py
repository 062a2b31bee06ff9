"""Render a data set: in shards, by whoever there is, resumable, and the same whoever it was."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros import __version__
from afss_ros.cluster import ClusterError, Crew, SetAside, Shard, Tally
from afss_ros.cluster.estimate import Estimate, Trial, ceil, planned, size
from afss_ros.cluster.stores import Folder
from afss_ros.cluster.work import said
from afss_ros.datasets import DatasetError, DatasetWriter, Instance, merge_shards, rle
from afss_ros.datasets.files import remove_leftovers
from afss_ros.datasets.writer import write_sample
from afss_ros.labels import BODY, CLASS_NAMES, PART_IDS, SPACECRAFT
from afss_ros.synthetic.draw import SPLITS
from afss_ros.synthetic.errors import SyntheticError

WORLD = 7
"""The version of the rendered world, one higher whenever the same seed makes another frame on purpose."""
WORLD_BEFORE_NATURE = 6
"""What a set without frames before nature is: to the bit the world of before."""
SHARD = 8
"""Frames that a worker renders at a time: some seconds, of which a crash costs no more."""
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


@dataclass(frozen=True, slots=True)
class RenderStep:
    """Rendering an order, for workers: a task is some indices, its result their records. See `cluster.Step`."""

    order: Order
    folder: Folder

    @contextmanager
    def open(self) -> Iterator[Callable[[tuple[int, ...]], list[dict[str, Any]]]]:
        """Begin a renderer."""
        from afss_ros.synthetic.opengl.renderer import Renderer
        from afss_ros.synthetic.render import Nature, render_sample

        order = replace(self.order, root=self.folder.path)
        nature = Nature(order.nature, order.empty)
        with Renderer() as renderer:

            def render(index: int) -> dict[str, Any]:
                sample = render_sample(renderer, order.seed, order.split, index, order.size, nature)
                record = write_sample(
                    order.root, order.key(index), sample.image, sample.labels, find_instances(sample.instances),
                    split=order.split, attributes=sample.attributes, image_format=order.image_format, parts=PARTS,
                    components=sample.components,
                )  # fmt: skip
                self.folder.publish((record["image"], record["labels"], record["components"]))
                return record

            yield lambda indices: [render(index) for index in indices]


def produce(
    order: Order,
    processes: int = 2,
    progress: Callable[[int], None] | None = None,
    *,
    crew: Crew | None = None,
    told: Callable[[Tally], None] = lambda tally: None,
    aside: Callable[[SetAside], None] = lambda outcome: None,
    folder: Folder | None = None,
) -> int:
    """Render what is missing of an order, call `progress(samples so far)`, and return how many the set has.

    Args:
        processes: of this machine; 1 is this one.
        crew: who renders, in place of `processes`.
        told: how the work stands, whenever that may have changed, where several render.
        aside: takes what could not be rendered.
        folder: what the order's root is in a store.

    Raises:
        SyntheticError: it cannot go on; the reason is in the message. What is on disk stays and is not rendered again.
    """
    crew = crew or Crew(workers=processes)
    step = RenderStep(order, folder or Folder.of(order.root))
    finished = 0

    def advance(frames: int) -> None:
        nonlocal finished
        for _ in range(frames):
            finished += 1
            if progress is not None:
                progress(finished)

    def missing(writer: DatasetWriter) -> Iterator[Shard]:
        size = 1 if crew.alone else SHARD
        for first in range(0, order.count, size):
            indices = range(first, min(first + size, order.count))
            todo = tuple(index for index in indices if order.key(index) not in writer)
            advance(len(indices) - len(todo))
            if todo:
                each = tuple(Shard(order.key(index), (index,)) for index in todo)
                yield Shard(f"{order.key(todo[0])} to {order.key(todo[-1])}", todo, each)

    try:
        with DatasetWriter(order.root, provenance=order.provenance(), shard=0) as writer:
            for outcome in crew.run(step, missing(writer), told):
                if isinstance(outcome, SetAside):
                    aside(outcome)
                    continue
                for record in outcome.value:
                    writer.enter(record)
                advance(len(outcome.value))
    except (SyntheticError, DatasetError, ClusterError, OSError) as err:
        raise SyntheticError(f"rendering {order.root} failed: {said(err)}") from err
    if not crew.alone:
        remove_leftovers(order.root)  # of workers that were killed
    return merge_shards(order.root)


def estimate(order: Order, crew: Crew, frames: int = 6) -> Estimate:
    """Say what `produce` will take: a few frames are rendered beside it, and thrown away.

    Raises:
        SyntheticError: nothing can be rendered here.
        ClusterError: the cluster does not answer.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beside = replace(order, root=folder)
        with RenderStep(beside, Folder.of(folder)).open() as render:
            render((0,))  # compiles the shaders
            before = size(folder)
            begun = time.perf_counter()
            for index in range(1, frames + 1):
                render((index,))
            seconds = time.perf_counter() - begun
        trial = Trial(frames, seconds, written=float(size(folder) - before))
    return planned("frames", order.count, ceil(order.count, SHARD), crew, trial)
