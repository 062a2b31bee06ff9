"""A detector and a segmenter that answer each question once: view sets share views, and a comparison asks all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.protocols import Detector, Rgb, Segmenter
from afss_ros.teacher.values import Box, Mask


class RememberingDetector:
    """See `teacher.Detector`. Prompts must stay the same; `asked` counts what was answered anew."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._known: dict[bytes, list[Box]] = {}
        self.asked = 0
        self.reads = detector.reads
        self.classes = detector.classes

    @property
    def provenance(self) -> Mapping[str, object]:
        """That of the detector."""
        return self._detector.provenance

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        """See `teacher.Detector.detect`."""
        keys = [_key(image) for image in images]
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in self._known}
        if new:
            self.asked += len(new)
            self._known.update(zip(new, self._detector.detect(list(new.values()), prompts), strict=True))
        return [self._known[key] for key in keys]


class RememberingSegmenter:
    """See `teacher.Segmenter`. It keeps the features of every image: for comparisons on some dozen of frames."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._features: dict[bytes, Any] = {}
        self._masks: dict[tuple[bytes, str, bytes], Mask] = {}

    @property
    def provenance(self) -> Mapping[str, object]:
        """That of the segmenter."""
        return self._segmenter.provenance

    def encode(self, image: Rgb) -> bytes:
        """See `teacher.Segmenter.encode`."""
        key = _key(image)
        if key not in self._features:
            self._features[key] = self._segmenter.encode(image)
        return key

    def segment(self, features: bytes, boxes: Sequence[Box]) -> list[Mask]:
        """See `teacher.Segmenter.segment`."""
        keys = [(features, box.class_name, box.xyxy.tobytes()) for box in boxes]
        new = {key: box for key, box in zip(keys, boxes, strict=True) if key not in self._masks}
        if new:
            self._masks.update(
                zip(new, self._segmenter.segment(self._features[features], list(new.values())), strict=True)
            )
        return [self._masks[key] for key in keys]


def _key(image: Rgb) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
