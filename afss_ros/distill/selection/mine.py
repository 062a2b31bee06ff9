"""Hard-example mining: the images of a set that a student gets wrong, and some that it gets right, as a set of its own.

Where a student is right there is little to learn: of the frames without craft that the world draws, it is quiet on two
of three. What it gets right is kept by a share, so that it stays right there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.datasets.pictures import is_upright
from afss_ros.labels import BACKGROUND, UNLABELLED
from afss_ros.perception import Frame, Perception
from afss_ros.spacing import evenly_spaced

Perceive = Callable[[Frame], Perception]
_KEPT_AS_THEY_ARE = {".jpg": "jpg", ".jpeg": "jpg", ".png": "png"}


@dataclass(frozen=True, slots=True)
class Mining:
    """What is hard, and how much else is kept.

    Attributes:
        alarm: an image without craft is hard when one is seen with at least this score,
        spill: or when at least this share of its pixels is called craft; so is one with craft, beside it.
        iou: an image with craft is hard when the IoU of the whole craft is less.
        parts: or when less than this share of the craft's pixels has the right part.
        easy: share of the other images that is kept, of those with craft and of those without.
        repeat: how often a hard image without craft is written, so that it is seen as much more often.
    """

    alarm: float = 0.3
    spill: float = 0.002
    iou: float = 0.8
    parts: float = 0.7
    easy: float = 0.5
    repeat: int = 2


@dataclass(frozen=True, slots=True)
class Mined:
    """How many images were hard, without craft and with, how many were not, and how many the new set has."""

    alarms: int
    wrong: int
    easy: int
    written: int


def hard(truth: NDArray[np.uint8], seen: Perception, settings: Mining) -> bool:
    """Whether an image is worth learning from again: label maps (H, W), pixels of 255 count nowhere."""
    assert seen.labels is not None
    decided = truth != UNLABELLED
    is_craft, called = _craft(truth) & decided, _craft(seen.labels) & decided
    spilt = float((called & ~is_craft).sum()) / max(int(decided.sum()), 1)
    if not is_craft.any():
        loudest = max((d.score for d in (*seen.detections, *seen.rejected)), default=0.0)
        return loudest >= settings.alarm or spilt >= settings.spill
    overlap = float((called & is_craft).sum()) / float((called | is_craft).sum())
    right = float((truth[is_craft] == seen.labels[is_craft]).mean())
    return overlap < settings.iou or right < settings.parts


def mine(
    student: Perceive,
    source: datasets.Dataset,
    out: Path,
    settings: Mining | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Mined:
    """Ask a student about every image with a label map and write those worth learning from; what is there, stays.

    Raises:
        DatasetError: `out` holds another selection, cannot be written, or an image cannot be read.
    """
    settings = settings or Mining()
    alarms: list[datasets.Sample] = []
    wrong: list[datasets.Sample] = []
    quiet: list[datasets.Sample] = []
    right: list[datasets.Sample] = []
    for sample in source.samples:
        advance()
        if sample.labels is None or sample.only is not None:
            continue
        labels = sample.read_labels()
        is_hard = hard(labels, student(Frame(sample.read_image(), source=str(sample.image))), settings)
        empty = not _craft(labels).any()
        group = (alarms if is_hard else quiet) if empty else (wrong if is_hard else right)
        group.append(sample)
    kept = [s for group in (quiet, right) for s in _share(group, settings.easy)]
    provenance = {
        "made_by": "afss mine", "mining": asdict(settings), "set": source.root.name, "provenance": source.provenance,
    }  # fmt: skip
    with datasets.DatasetWriter(out, class_names=source.class_names, provenance=provenance) as writer:
        for number in range(settings.repeat):
            for sample in alarms:
                _add(writer, sample, number)
        for sample in (*wrong, *kept):
            _add(writer, sample, 0)
        return Mined(len(alarms), len(wrong), len(quiet) + len(right), len(writer))


def _share(samples: list[datasets.Sample], share: float) -> list[datasets.Sample]:
    return [samples[i] for i in evenly_spaced(len(samples), round(share * len(samples)))]


def _craft(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((labels != BACKGROUND) & (labels != UNLABELLED), bool)


def _add(writer: datasets.DatasetWriter, sample: datasets.Sample, number: int) -> None:
    key = f"{sample.key}-{number}" if number else sample.key
    if key in writer:
        return
    kind = _KEPT_AS_THEY_ARE.get(sample.image.suffix.lower()) if is_upright(sample.image) else None
    more: dict[str, Any] = {} if kind is None else {"encoded": sample.image.read_bytes()}
    writer.add(
        key, sample.read_image(), sample.read_labels(), sample.instances, split=sample.split, sequence=sample.sequence,
        attributes=sample.attributes, image_format=kind or "png", parts=sample.parts, complete=sample.complete, **more,
    )  # fmt: skip
