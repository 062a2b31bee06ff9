"""A data set in one form, written in another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from afss_ros.datasets import coco, yolo
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Dataset
from afss_ros.datasets.writer import DatasetWriter


def convert(dataset: Dataset, out: Path, form: str) -> int:
    """Write `dataset` at `out` in a form of `WRITERS`.

    Returns:
        How many samples the set has.

    Raises:
        DatasetError: no such form, a picture cannot be read, or `out` is taken by something else.
    """
    if form not in WRITERS:
        raise DatasetError(f"cannot write {form!r}; the forms to write are {', '.join(WRITERS)}")
    WRITERS[form](dataset, out)
    return len(dataset)


def write_afss(dataset: Dataset, out: Path) -> None:
    """Write our own form. A conversion that was killed goes on where it stopped. Pictures are kept lossless."""
    with DatasetWriter(
        out, class_names=dataset.class_names, provenance={"converted_from": dataset.root.name}
    ) as writer:
        for sample in dataset.samples:
            if sample.key in writer:
                continue
            writer.add(
                sample.key,
                sample.read_image(),
                None if sample.labels is None else sample.read_labels(),
                sample.read_instances(),
                sample.split,
                sample.sequence,
                sample.attributes,
                "png",
            )


def _write_coco(dataset: Dataset, out: Path) -> None:
    coco.write(dataset, out if out.suffix == ".json" else out / "instances.json")


WRITERS: dict[str, Callable[[Dataset, Path], None]] = {
    "afss": write_afss,
    "coco": _write_coco,
    "yolo": yolo.write,
    "yolo-parts": lambda dataset, out: yolo.write(dataset, out, names=yolo.PARTS),
}
"""Form name -> what writes it."""
