"""One labelled frame on disk: its thumbnail, its sample's files, and what is to be listed of it.

Any process may put a frame; only the one that holds the set lists it. Putting it again gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Instance
from afss_ros.datasets import rle as run_length
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.pictures import encode_picture
from afss_ros.datasets.writer import write_sample
from afss_ros.labelling.inputs import Candidate
from afss_ros.labelling.keep import parse_keep
from afss_ros.labelling.settings import LabelSettings
from afss_ros.teacher.prompts import CRAFT, Prompts, label_map
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.values import Labelled

_THUMBNAIL = 320  # pixels of the longest side


@dataclass(frozen=True, slots=True)
class Pick:
    """A frame that the teacher labels; all but `hashed`, the hex of its perceptual hash, as of its `Candidate`."""

    key: str
    sequence: str
    stamp_ns: int
    frame_id: str
    source: str
    hashed: str

    @classmethod
    def of(cls, candidate: Candidate, hashed: NDArray[np.uint8]) -> Pick:
        """A candidate that was chosen."""
        c = candidate
        return cls(c.key, c.sequence, c.stamp_ns, c.frame_id, c.source, hashed.tobytes().hex())


@dataclass(frozen=True, slots=True)
class Labels:
    """How instances become labels: the filter, the parts that were asked for, the split and the form of pictures."""

    keep: Callable[[Mapping[str, float]], bool]
    parts: tuple[str, ...]
    split: str
    image_format: str

    @classmethod
    def of(cls, settings: LabelSettings, prompts: Prompts) -> Labels:
        """Those of a run."""
        return cls(parse_keep(settings.keep), tuple(prompts.parts), settings.split, settings.image_format)


@dataclass(frozen=True, slots=True)
class Made:
    """What is to be listed of a frame.

    Attributes:
        sample: its record in the set; None where nothing was kept.
        line: its line in the manifest.
    """

    sample: dict[str, Any] | None
    line: dict[str, Any]

    @property
    def files(self) -> list[str]:
        """What was written, by its place in the set."""
        sample = self.sample or {}
        found = [f"thumbs/{self.line['key']}.jpg", sample.get("image"), sample.get("labels")]
        return [name for name in found if name]


def put_frame(out: Path, pick: Pick, image: Rgb, instances: tuple[Labelled, ...], labels: Labels) -> Made:
    """Write the files of a frame, each whole or not at all.

    Args:
        out: the labelled set's folder.
        image: uint8 (H, W, 3) RGB.

    Raises:
        DatasetError, OSError: the disk refuses.
    """
    kept, refused = _divide(instances, labels.keep)
    status = "kept" if kept else "refused" if refused else "empty"
    height, width = image.shape[:2]
    thumbnail = out / "thumbs" / f"{pick.key}.jpg"
    thumbnail.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(thumbnail, encode_picture(_shrink(image), ".jpg", 85))
    sample = None
    if kept:
        sample = write_sample(
            out,
            pick.key,
            image,
            label_map(kept, (height, width), refused=refused),
            [_instance(instance) for instance in kept],
            split=labels.split,
            sequence=pick.sequence,
            attributes={"stamp_ns": pick.stamp_ns, "frame_id": pick.frame_id, "source": pick.source},
            image_format=labels.image_format,
            parts=labels.parts,
        )
    line = {
        "key": pick.key,
        "source": pick.source,
        "stamp_ns": pick.stamp_ns,
        "frame_id": pick.frame_id,
        "sequence": pick.sequence,
        "status": status,
        "width": width,
        "height": height,
        "phash": pick.hashed,
        "instances": [_record(instance, instance in kept) for instance in instances],
    }
    return Made(sample, line)


def _divide(
    instances: tuple[Labelled, ...], keep: Callable[[Mapping[str, float]], bool]
) -> tuple[list[Labelled], list[Labelled]]:
    """Those that the filter keeps, and those it refuses; a part falls with its craft."""
    passed = [instance for instance in instances if keep(instance.scores)]
    crafts = [instance.mask for instance in passed if instance.class_name == CRAFT]
    kept = [instance for instance in passed if any(np.any(instance.mask & craft) for craft in crafts)]
    return kept, [instance for instance in instances if instance not in kept]


def _shrink(image: Rgb) -> Rgb:
    height, width = image.shape[:2]
    scale = min(1.0, _THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _instance(instance: Labelled) -> Instance:
    score = round(instance.scores.get("detector_score", 0.0), 4)
    box = instance.box_xyxy.astype(np.float32)
    return Instance(instance.class_name, box, run_length.encode(instance.mask), score)


def _record(instance: Labelled, kept: bool) -> dict[str, Any]:
    return {
        "class_name": instance.class_name,
        "box_xyxy": [round(float(v), 2) for v in instance.box_xyxy],
        "scores": {name: round(float(value), 4) for name, value in instance.scores.items()},
        "origin": instance.origin,
        "kept": kept,
        "rle": run_length.encode(instance.mask),
    }
