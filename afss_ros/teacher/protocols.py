"""What a detector, a segmenter and a propagator are. Everything else in the teacher speaks to these three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.values import Box, Mask

Rgb = NDArray[np.uint8]


class Detector(Protocol):
    """Finds boxes by text, or what it knows whatever it is asked for."""

    @property
    def reads(self) -> bool:
        """Whether the phrases of a prompt decide what it finds."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it can find: the craft, and parts."""
        ...

    @property
    def provenance(self) -> Mapping[str, object]:
        """Plain JSON values for the manifest: names, checkpoint hashes, thresholds."""
        ...

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        """Boxes of each image (uint8 (H, W, 3), sizes may differ), in that image's pixels, best first.

        Equal images in equal batches give equal boxes.
        """
        ...


class Segmenter(Protocol):
    """Turns boxes into masks, in two steps, so that an image is encoded once for however many boxes."""

    @property
    def provenance(self) -> Mapping[str, object]:
        """As `Detector.provenance`."""
        ...

    def encode(self, image: Rgb) -> Any:
        """The expensive part: features of one image uint8 (H, W, 3). Opaque."""
        ...

    def segment(self, features: Any, boxes: Sequence[Box]) -> list[Mask]:
        """One mask, of the encoded image's size, for each box."""
        ...


class Propagator(Protocol):
    """Carries masks through a short video.

    Attributes:
        trust: weight, 0..1, of a mask that was carried by no frame at all, against 1 for what a frame says of itself.
            Below 0.5, masks that were carried fill in what a frame missed and tell how sure it can be, but never change
            the outline that it saw.
    """

    @property
    def trust(self) -> float: ...

    @property
    def provenance(self) -> Mapping[str, object]:
        """As `Detector.provenance`."""
        ...

    def propagate(self, images: Sequence[Rgb], masks: Sequence[NDArray[np.bool_]]) -> list[list[NDArray[np.bool_]]]:
        """Where the objects of the first image are in every image.

        Args:
            images: uint8 (H, W, 3), one size, in the order to follow (reversed for backwards).
            masks: bool (H, W), the objects in images[0].

        Returns:
            For each image, for each object, bool (H, W); the first image's are `masks` themselves.
        """
        ...
