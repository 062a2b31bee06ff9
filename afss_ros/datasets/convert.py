"""A data set in one form, written in another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from afss_ros.datasets import coco, yolo
from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.form import Dataset, Problem
from afss_ros.datasets.writer import DatasetWriter


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a conversion.

    Attributes:
        samples: how many were written, or were there already.
        left_out: the samples that were not, and why.
        what: what was written, in words.
    """

    samples: int
    left_out: tuple[Problem, ...]
    what: str


def convert(dataset: Dataset, out: Path, form: str) -> Converted:
    """Write `dataset` at `out` in a form of `WRITERS`. A sample that cannot be written is left out and named.

    Raises:
        DatasetError: no such form, or `out` is taken by something else.
    """
    if form not in WRITERS:
        raise DatasetError(f"cannot write {form!r}; the forms to write are {', '.join(WRITERS)}")
    left_out, what = WRITERS[form](dataset, out)
    return Converted(len(dataset) - len(left_out), tuple(left_out), what)


def write_afss(dataset: Dataset, out: Path) -> tuple[list[Problem], str]:
    """Write our own form. A conversion that was killed goes on where it stopped. Pictures are kept lossless."""
    left_out: list[Problem] = []
    class_names = dataset.class_names
    with DatasetWriter(out, class_names=class_names, provenance={"converted_from": dataset.root.name}) as writer:
        for sample in dataset.samples:
            if sample.key in writer:
                continue
            try:
                image, labels = sample.read_image(), None if sample.labels is None else sample.read_labels()
                instances = sample.read_instances()
                components = None if sample.components is None else sample.read_components()
            except MALFORMED as err:
                left_out.append(Problem(sample.key, told(err)))
                continue
            writer.add(
                sample.key, image, labels, instances, sample.split, sample.sequence, sample.attributes, "png",
                parts=sample.parts, only=sample.only, complete=sample.complete,
                components=components,
            )  # fmt: skip
    without = sum(s.labels is None and s.craft_mask is not None and not s.one_craft for s in dataset.samples)
    lost = f"; the craft masks of {without} are not kept, since this form has none" if without else ""
    return left_out, f"pictures as PNG, label maps, samples.jsonl and instances.json{lost}"


def _write_coco(dataset: Dataset, out: Path) -> tuple[list[Problem], str]:
    path = out if out.suffix == ".json" else out / "instances.json"
    before = " in place of the file that was there" if path.exists() else ""
    return coco.write(dataset, path), f"{path}{before}; boxes and masks, no label maps and no splits; pictures stay"


def _write_yolo(names: Sequence[str]) -> Writer:
    def write(dataset: Dataset, out: Path) -> tuple[list[Problem], str]:
        if (out / "data.yaml").exists():
            raise DatasetError(f"{out}: holds a YOLO set already; choose another folder")
        left_out = yolo.write(dataset, out, names=names)
        return left_out, f"data.yaml, pictures as JPEG, and polygons of {', '.join(names)}, which have no holes"

    return write


Writer = Callable[[Dataset, Path], tuple[list[Problem], str]]
WRITERS: dict[str, Writer] = {
    "afss": write_afss,
    "coco": _write_coco,
    "yolo": _write_yolo(yolo.CRAFT),
    "yolo-parts": _write_yolo(yolo.PARTS),
}
"""Form name -> what writes it, and gives what was left out and, in words, what was written."""
