"""Labelled images as batches: training crops that are a pure function of (seed, epoch, index), letterboxed validation.

Because a crop depends on nothing else, any number of loader processes makes the same batches, and a resumed run
continues with exactly the batches that the killed one would have seen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypedDict

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from afss_ros import datasets
from afss_ros.distill.data import augment, crops
from afss_ros.distill.data.classes import PARTS, in_ids_of, rest_of
from afss_ros.distill.data.weights import sample_weight
from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import DataRecipe, Recipe
from afss_ros.spacing import evenly_spaced

_LOG = logging.getLogger(__name__)


class Example(TypedDict):
    """One image for the network; a batch has the same keys with one more dimension in front.

    Keys:
        image: uint8 (H, W, 3), RGB.
        labels: uint8 (H, W), ids, 255, and `classes.ANY_PART`, `classes.REST` and `classes.OPEN`.
        rest: bool (C,), the ids that pixels of `REST` and `OPEN` may be.
        boxes: float32 (crops.MAX_CRAFT, 4) xyxy of craft in 0..1 of the image, the largest first; NaN in unused rows.
        known: bool, whether it is known which craft are there; without that `boxes` say nothing.
        craft: int64, index into the recipe's `craft_classes`, -1 unknown.
        weight: float32, how much the image counts.
    """

    image: Tensor
    labels: Tensor
    rest: Tensor
    boxes: Tensor
    known: Tensor
    craft: Tensor
    weight: Tensor


def read_sets(paths: Sequence[Any], split: str | None, parts: Sequence[str] = PARTS) -> tuple[datasets.Sample, ...]:
    """The samples of several sets, in order, with label maps in the ids of a student of these parts.

    Raises:
        DistillError: together they are empty.
        DatasetError: a set cannot be read.
    """
    samples: list[datasets.Sample] = []
    for path in paths:
        loaded = datasets.load(path, split)
        for problem in loaded.told_problems():
            _LOG.warning("%s", problem)
        samples.extend(in_ids_of(parts, loaded))
    if not samples:
        where = ", ".join(str(p) for p in paths)
        raise DistillError(f"{where}: no samples in split {split!r}; set data.*_split, or null for every sample")
    return tuple(samples)


def validation_samples(recipe: DataRecipe, parts: Sequence[str] = PARTS) -> tuple[datasets.Sample, ...]:
    """The evenly spaced samples that checkpoints are compared on."""
    samples = read_sets(recipe.validation or recipe.train, recipe.validation_split, parts)
    return tuple(samples[i] for i in evenly_spaced(len(samples), recipe.validation_images))


Make = Callable[[np.random.Generator, datasets.Sample, Recipe], Mapping[str, Any]]
"""How a sample becomes a training crop."""


class TrainingCrops(TorchDataset[Mapping[str, Any]]):
    """Augmented crops; an item is asked for by (epoch, index)."""

    def __init__(self, samples: Sequence[datasets.Sample], recipe: Recipe, make: Make | None = None) -> None:
        self._samples = samples
        self._recipe = recipe
        self._make = make or training_example

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, item: tuple[int, int]) -> Mapping[str, Any]:
        epoch, index = item
        rng = np.random.default_rng([self._recipe.seed, epoch, index])
        for attempt in range(len(self._samples)):
            sample = self._samples[(index + attempt) % len(self._samples)]
            try:
                return self._make(rng, sample, self._recipe)
            except datasets.DatasetError as err:
                _LOG.warning("skipped in training: %s", err)
        raise DistillError("not one image of the training set can be read")


def training_example(rng: np.random.Generator, sample: datasets.Sample, recipe: Recipe) -> Example:
    """Read, place, warp and degrade one sample."""
    crop = crops.place(rng, sample, recipe)
    boxes = _boxes_of(crop)
    augment.cut_out(rng, recipe.augment, crop.image, crop.labels)
    weight = sample_weight(sample, recipe.distillation.weight_by)
    student = recipe.student
    return _example(crop.image, crop.labels, boxes, sample, student.parts, student.craft_classes, weight)


def validation_example(sample: datasets.Sample, size: int, parts: Sequence[str] = PARTS) -> Example:
    """The whole image fitted into `size` x `size`, centred; the margin is black and unlabelled."""
    crop = crops.fit(sample, size, parts)
    return _example(crop.image, crop.labels, _boxes_of(crop), sample, parts)


def native_example(sample: datasets.Sample, parts: Sequence[str] = PARTS) -> Example:
    """The whole image at its own size; `boxes` hold what bounds the labelled craft, nothing when there are several."""
    labels = crops.read_labels(sample, parts)
    here = crops.is_craft(labels)
    alone = here.any() and sample.only is None and len(crops.crafts_of(sample, parts)) < 2
    bounds = crops.bounds(here)[None] if alone else np.zeros((0, 4), np.float32)
    boxes = crops.in_fixed_rows(bounds, sample.width, sample.height)
    return _example(sample.read_image(), labels, boxes, sample, parts)


def _boxes_of(crop: crops.Crop) -> NDArray[np.float32]:
    height, width = crop.labels.shape
    return crops.in_fixed_rows(crops.craft_boxes(crop), width, height)


def _example(
    image: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    sample: datasets.Sample,
    parts: Sequence[str],
    craft_classes: tuple[str, ...] = (),
    weight: float = 1.0,
) -> Example:
    rest = torch.zeros(len(parts) + 1, dtype=torch.bool)
    if sample.only is None:
        rest[list(rest_of(sample.parts, parts))] = True
    else:
        rest[[i for i, name in enumerate(("background", *parts)) if name not in sample.only]] = True
    craft = str(sample.attributes.get("craft", ""))
    return Example(
        image=torch.from_numpy(np.ascontiguousarray(image)),
        labels=torch.from_numpy(np.ascontiguousarray(labels)),
        rest=rest,
        boxes=torch.from_numpy(boxes),
        known=torch.tensor(sample.searched),
        craft=torch.tensor(craft_classes.index(craft) if craft in craft_classes else -1),
        weight=torch.tensor(weight, dtype=torch.float32),
    )


@dataclass(frozen=True)
class BatchStream:
    """Endless batches of (epoch, index), reshuffled every epoch, from any step on; ranks share each epoch's order."""

    length: int
    batch: int
    seed: int
    start: int = 0
    rank: int = 0
    world: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which all ranks together see every sample about once."""
        return max(1, self.length // (self.batch * self.world))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        step, epoch = self.start, -1
        order = np.zeros(0, np.int64)
        while True:
            if epoch != step // self.steps_per_epoch:
                epoch = step // self.steps_per_epoch
                order = np.random.default_rng([self.seed, epoch]).permutation(self.length)
            first = ((step % self.steps_per_epoch) * self.world + self.rank) * self.batch
            yield [(epoch, int(order[i % self.length])) for i in range(first, first + self.batch)]
            step += 1


def training_loader(
    samples: Sequence[datasets.Sample], recipe: Recipe, stream: BatchStream, make: Make = training_example
) -> DataLoader[Mapping[str, Any]]:
    """The loader of augmented batches that starts at the stream's step."""
    workers = recipe.data.workers
    return DataLoader(
        TrainingCrops(samples, recipe, make),
        batch_sampler=stream,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        # A fork of a process whose OpenCV and OpenMP threads are running can hang before its first batch.
        multiprocessing_context="forkserver" if workers else None,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )


@contextmanager
def batches_of(loader: DataLoader[Mapping[str, Any]]) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The batches of a loader, whose processes end with the context.

    A loader's processes end when nothing refers to its iterator any more (torch.utils.data has no other way), but
    a frame that something keeps, as a traceback does, refers to all that called it. Here one generator alone does.
    """

    def each() -> Generator[Mapping[str, Any]]:
        yield from loader

    with closing(each()) as batches:
        yield batches


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def statistics(
    samples: Sequence[datasets.Sample], count: int, size: int = 128
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, in 8-bit counts, of `count` evenly spaced images.

    Space is dark: the usual ImageNet statistics would squeeze most of it into a sliver below zero.
    """
    sums, squares, pixels = np.zeros(3), np.zeros(3), 0
    for index in evenly_spaced(len(samples), count):
        try:
            image = samples[index].read_image()
        except datasets.DatasetError as err:
            _LOG.warning("skipped in the statistics: %s", err)
            continue
        scale = min(1.0, size / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float64)
        sums += small.sum((0, 1))
        squares += (small**2).sum((0, 1))
        pixels += small.shape[0] * small.shape[1]
    if not pixels:
        raise DistillError("not one image of the training set can be read")
    mean = sums / pixels
    std = np.sqrt((squares / pixels - mean**2).clip(min=1.0))
    return tuple(float(m) for m in mean), tuple(float(s) for s in std)
