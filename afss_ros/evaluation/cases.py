"""Single images as people look at them: the picture, what is true in it, and what a student sees."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import overlay
from afss_ros.datasets import Sample
from afss_ros.evaluation.evaluate import ImageResult
from afss_ros.evaluation.metrics.segmentation import SIDE, to_common_ids
from afss_ros.evaluation.truth import Truth, read_truth
from afss_ros.labels import CLASS_NAMES, CLASSES, color_table
from afss_ros.perception import Detection, Perception

_WIDTH = 480
_SHOWN_SCORE = 0.5
_SMALL = 0.15
_ROOM = 3.0
_NARROWEST = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One image, with its truth.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        truth: in common ids.
        further: the classes beyond ours that have common ids.
        window: rows and columns that are shown; None for all.
    """

    image: NDArray[np.uint8]
    truth: Truth
    further: tuple[str, ...]
    window: tuple[slice, slice] | None

    @classmethod
    def read(cls, sample: Sample, class_names: dict[int, str], further: Sequence[str], size: float | None) -> Case:
        """Read one image; where its craft is small, what is near it will be shown.

        Args:
            class_names: of the data set.
            size: of the craft, see `ImageResult`.

        Raises:
            DatasetError: the image or its masks cannot be read.
        """
        image = sample.read_image()
        truth = read_truth(sample, class_names, further)
        small = size is not None and size < _SMALL
        return cls(image, truth, tuple(further), detail(_boxes(truth), image.shape) if small else None)

    def show_image(self) -> str:
        """The picture as a data URL."""
        return _data_url(self.image if self.window is None else self.image[self.window])

    def show_truth(self) -> str:
        """The picture with what is true drawn over it, as a data URL."""
        return self._drawn(_boxes(self.truth), self.truth.labels)

    def show_seen(self, seen: Perception) -> str:
        """The picture with what a student sees drawn over it, as a data URL."""
        confident = tuple(d for d in seen.detections if d.score >= _SHOWN_SCORE)
        labels = None if seen.labels is None else to_common_ids(seen.labels, seen.class_names, self.further)
        return self._drawn(confident, labels)

    def _drawn(self, boxes: Sequence[Detection], labels: NDArray[np.uint8] | None) -> str:
        rows, columns = self.window or (slice(0, self.image.shape[0]), slice(0, self.image.shape[1]))
        # Cut out first: names and lines are as large as the picture asks for.
        corner = np.array([columns.start, rows.start] * 2, np.float32)
        moved = tuple(Detection(d.class_name, d.box_xyxy - corner, d.score) for d in boxes)
        image = np.ascontiguousarray(self.image[rows, columns])
        inside = None if labels is None else np.ascontiguousarray(labels[rows, columns])
        return _data_url(overlay.draw(image, Perception(moved, inside, CLASS_NAMES)))


def ranked(results: Sequence[ImageResult]) -> list[ImageResult]:
    """The images that have a `quality`, the worst first."""
    return sorted((r for r in results if r.quality is not None), key=lambda r: r.quality or 0.0)


def legend(further: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Names and colours (CSS) of what is drawn; further classes share one colour."""
    ours: list[tuple[str, tuple[int, ...]]] = [(c.name, c.color) for c in CLASSES if c.name != "background"]
    if further:
        ours.append((", ".join(further), tuple(color_table()[SIDE].tolist())))
    return [(name, f"rgb{color}") for name, color in ours]


def detail(boxes: Sequence[Detection], shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """A window (rows, columns) of the image's own aspect around small craft, with room to see what is beside them."""
    if not boxes:
        return None
    height, width = shape[:2]
    corners = np.array([b.box_xyxy for b in boxes])
    low, high = corners[:, :2].min(0), corners[:, 2:].max(0)
    share = min(1.0, max(_ROOM * float(((high - low) / (width, height)).max()), _NARROWEST))
    size = np.array([width, height]) * share
    x, y = np.clip((low + high) / 2 - size / 2, 0, np.array([width, height]) - size).astype(int)
    return slice(y, y + round(size[1])), slice(x, x + round(size[0]))


def _boxes(truth: Truth) -> tuple[Detection, ...]:
    return tuple(Detection(t.class_name, t.box_xyxy, t.score) for t in truth.craft or ())


def _data_url(image: NDArray[np.uint8]) -> str:
    """A JPEG at most `_WIDTH` pixels wide."""
    scale = min(1.0, _WIDTH / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1.0 else image
    options: Sequence[int] = (cv2.IMWRITE_JPEG_QUALITY, 85)
    done, content = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(bytes(content)).decode("ascii")
