"""The sets of a recipe as one YOLO set inside the run directory: links to the pictures, polygons beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from afss_ros.datasets import Dataset, Sample, yolo
from afss_ros.distill.data.batches import read_sets, validation_samples
from afss_ros.distill.errors import DistillError
from afss_ros.distill.families.instances import CLASSES
from afss_ros.distill.recipe import DataRecipe
from afss_ros.labels import CLASS_NAMES

_SMALLEST = 16  # pixels; a lattice falls into dozens of pieces that are too small to tell from noise


@dataclass(frozen=True)
class YoloSet:
    """Folders of training and validation images, and how many images there are to train on."""

    train: Path
    validation: Path
    samples: int


def write(recipe: DataRecipe, root: Path) -> YoloSet:
    """Write the set, unless it is there already.

    Raises:
        DistillError: no training image has a label map, so there are no parts to learn.
        DatasetError: a set cannot be read.
    """
    found = YoloSet(root / "images" / "train", root / "images" / "val", 0)
    if not (root / "data.yaml").exists():
        train = _numbered(read_sets(recipe.train, recipe.train_split), "train")
        validation = _numbered(validation_samples(recipe), "val")
        # data.yaml is written last: where it is, everything is.
        yolo.write(
            Dataset(Path(), dict(CLASS_NAMES), (*train, *validation)),
            root,
            names=CLASSES,
            link=True,
            smallest=_SMALLEST,
        )
    count = sum(1 for _ in found.train.iterdir()) if found.train.is_dir() else 0
    if not count:
        raise DistillError(f"{', '.join(map(str, recipe.train))}: YOLO learns parts, but no image has a label map")
    return replace(found, samples=count)


def _numbered(samples: Sequence[Sample], split: str) -> tuple[Sample, ...]:
    """The same samples under keys that cannot clash between sets."""
    return tuple(replace(sample, key=f"{number:07d}", split=split) for number, sample in enumerate(samples))
