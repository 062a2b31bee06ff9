"""A data set of unrelated pictures for the loop: folders of bare pictures to learn from, and a set with truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from afss_ros import datasets
from afss_ros.datasets import Dataset, DatasetWriter
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.pictures import is_upright
from afss_ros.loop.config import PicturesConfig
from afss_ros.loop.errors import LoopError

_FORMATS = {".jpg": "jpg", ".jpeg": "jpg", ".png": "png"}


def divide(config: PicturesConfig, folder: Path) -> tuple[list[Path], int]:
    """Copy some pictures of a set into `folder/pictures_NN`, without their truth, the others into the set `truth`.

    The pictures to learn from come in groups, each a recording of its own: splits divide no group.

    Returns:
        The folders of pictures, and how many pictures `truth` has.

    Raises:
        LoopError: there are too few pictures.
        DatasetError: the set cannot be read.
    """
    source = datasets.load(config.set)
    order = np.random.default_rng(config.seed).permutation(len(source))
    held = round(config.held_out * len(source))
    if held < 2 or len(source) - held < 2 * config.groups:
        raise LoopError(f"{config.set}: {len(source)} pictures are too few to divide")
    judged, learned = sorted(order[:held].tolist()), sorted(order[held:].tolist())
    _write_truth(source, judged, folder / "truth")
    groups = [folder / f"pictures_{number:02d}" for number in range(config.groups)]
    for number, index in enumerate(learned):
        group, picture = groups[number % len(groups)], source[index].image
        group.mkdir(parents=True, exist_ok=True)
        write_atomically(group / f"{index:06d}_{picture.name}", picture.read_bytes())
    return groups, held


def _write_truth(source: Dataset, chosen: Sequence[int], out: Path) -> None:
    with DatasetWriter(out, class_names=source.class_names, provenance={"set": source.root.name}) as writer:
        for index in chosen:
            sample = source[index]
            key = sample.key.replace("/", "_")
            if key in writer:
                continue
            kind = _FORMATS.get(sample.image.suffix.lower()) if is_upright(sample.image) else None
            writer.add(
                key,
                sample.read_image(),
                None if sample.labels is None else sample.read_labels(),
                sample.read_instances(),
                split="test",
                attributes=sample.attributes,
                image_format=kind or "png",
                encoded=sample.image.read_bytes() if kind else None,
                parts=sample.parts,
                only=sample.only,
                complete=sample.complete,
            )
