"""The offline baseline: a detector and a segmenter that need no weights, so that labelling runs anywhere.

Boxes come from `saliency`, masks from GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004). The baseline cannot read
a prompt: it finds things that stand out and calls each a spacecraft, and it finds no parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.offline.saliency import regions, saliency
from afss_ros.teacher.prompts import CRAFT, Prompts
from afss_ros.teacher.values import Box, Mask

_LONGEST = 256  # pixels of the crop that GrabCut sees; its cost grows with the area
_MARGIN = 0.12  # of the box's larger side: the known background around it
_ROUNDS = 3
_SPECK = 0.03  # of the largest piece of a mask; smaller ones are not the craft's
_CERTAIN, _LIKELY = 0.35, 0.05  # of the 90th percentile of the saliency in the box


class SaliencyDetector:
    """Boxes around what stands out against sky and limb. See `teacher.Detector`."""

    name = "saliency"
    reads = False
    classes = (CRAFT,)

    def __init__(self, *, threshold: float = 0.05) -> None:
        """Ignore what is less confident than `threshold`."""
        self.threshold = threshold
        self.provenance: dict[str, object] = {"detector": self.name, "weights": None, "threshold": threshold}

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Prompts) -> list[list[Box]]:
        """See `teacher.Detector.detect`; of the prompts, nothing is used."""
        return [self._one(image) for image in images]

    def _one(self, image: NDArray[np.uint8]) -> list[Box]:
        salient = saliency(image)
        height, width = salient.objects.shape
        scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2, np.float32)
        found = regions(salient)
        return [Box(CRAFT, box * scale, confidence) for box, confidence in found if confidence >= self.threshold]


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    image: NDArray[np.uint8]
    salient: NDArray[np.float32]


class GrabCutSegmenter:
    """Masks by graph cut, seeded with saliency inside the box. See `teacher.Segmenter`.

    The mask score is how well the colours inside the mask can be told from those just outside: one minus the
    overlap of their histograms.
    """

    name = "grabcut"

    def __init__(self) -> None:
        self.provenance: dict[str, object] = {"segmenter": self.name, "weights": None}

    def encode(self, image: NDArray[np.uint8]) -> _Encoded:
        """See `teacher.Segmenter.encode`."""
        return _Encoded(image, saliency(image).pixels)

    def segment(self, features: _Encoded, boxes: Sequence[Box]) -> list[Mask]:
        """See `teacher.Segmenter.segment`."""
        return [_cut(features, box) for box in boxes]


def _cut(features: _Encoded, box: Box) -> Mask:
    height, width = features.image.shape[:2]
    x0, y0, x1, y1 = _padded(box.xyxy, height, width)
    crop = features.image[y0:y1, x0:x1]
    scale = min(1.0, _LONGEST / max(crop.shape[:2]))
    size = (max(4, round(crop.shape[1] * scale)), max(4, round(crop.shape[0] * scale)))
    small = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
    inside = _inside(box.xyxy, (x0, y0, x1, y1), size)
    sx, sy = features.salient.shape[1] / width, features.salient.shape[0] / height
    window = features.salient[int(y0 * sy) : max(1, int(np.ceil(y1 * sy))), int(x0 * sx) : int(np.ceil(x1 * sx))]
    salient = cv2.resize(window, size, interpolation=cv2.INTER_LINEAR)
    mask = _grab_cut(small, inside, np.asarray(salient, np.float32))
    score = _separation(small, mask)
    full = np.zeros((height, width), np.bool_)
    big = cv2.resize(mask.astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    full[y0:y1, x0:x1] = big >= 0.5
    return Mask(full, score)


def _padded(box: NDArray[np.float32], height: int, width: int) -> tuple[int, int, int, int]:
    margin = max(4.0, _MARGIN * float(max(box[2] - box[0], box[3] - box[1])))
    x0, y0 = max(0, int(box[0] - margin)), max(0, int(box[1] - margin))
    x1, y1 = min(width, int(np.ceil(box[2] + margin))), min(height, int(np.ceil(box[3] + margin)))
    return min(x0, width - 1), min(y0, height - 1), max(x1, 1), max(y1, 1)


def _inside(box: NDArray[np.float32], window: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The box as a mask (h, w) of the resized crop."""
    sx, sy = size[0] / (window[2] - window[0]), size[1] / (window[3] - window[1])
    columns, rows = np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5
    across = (columns >= (box[0] - window[0]) * sx) & (columns < (box[2] - window[0]) * sx)
    down = (rows >= (box[1] - window[1]) * sy) & (rows < (box[3] - window[1]) * sy)
    inside: NDArray[np.bool_] = down[:, None] & across[None, :]
    return inside


def _grab_cut(image: NDArray[np.uint8], inside: NDArray[np.bool_], salient: NDArray[np.float32]) -> NDArray[np.bool_]:
    """GrabCut: background outside the box, object where saliency is high inside it, and perhaps where it is low."""
    values = salient[inside]
    if not values.size:
        return np.zeros(inside.shape, np.bool_)
    bright = float(np.percentile(values, 90))
    likely, certain = inside & (salient > max(4.0, _LIKELY * bright)), inside & (salient > max(4.0, _CERTAIN * bright))
    seeds = np.where(likely, cv2.GC_PR_FGD, np.where(inside, cv2.GC_PR_BGD, cv2.GC_BGD)).astype(np.uint8)
    seeds[certain] = cv2.GC_FGD  # without a core of its own, a many-coloured craft is taken for background
    if not likely.any() or likely.all():
        return likely
    cv2.setRNGSeed(0)  # k-means inside GrabCut draws from OpenCV's generator; the same image gives the same mask
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(image), seeds, (0, 0, 0, 0), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    mask: NDArray[np.bool_] = (seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD)
    return _without_specks(mask) if mask.any() else likely


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Stars and bits of cloud in the box are far smaller than the largest piece of the craft."""
    count, groups = cv2.connectedComponents(mask.astype(np.uint8))
    pixels = np.bincount(groups.astype(np.int32, copy=False).ravel(), minlength=count)
    pixels[0] = 0
    kept: NDArray[np.bool_] = (pixels >= _SPECK * pixels.max())[groups]
    return kept


def _separation(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    ring = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) & ~mask
    if not mask.any() or not ring.any():
        return 0.0
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    histograms = [np.histogram(gray[pixels], 32, (0, 256))[0] / np.count_nonzero(pixels) for pixels in (mask, ring)]
    return float(1.0 - np.minimum(*histograms).sum())
