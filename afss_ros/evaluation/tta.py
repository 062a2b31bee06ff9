"""Test-time augmentation with D4, the eight symmetries of the square: what may a student give with eight looks?

Space has no up, so each symmetry of an image is as good an image. Costs eight inferences: for measuring,
not for flight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from afss_ros.evaluation.evaluate import Perceive
from afss_ros.evaluation.metrics.detection import box_iou
from afss_ros.perception import Detection, Frame, Perception

Pixel = TypeVar("Pixel", bound=np.generic)

VIEWS = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))
"""Mirror left-right or not, then turn counter-clockwise by quarters: the eight elements of D4."""

FUSE_IOU = 0.55
"""Boxes that overlap more than this are one craft (weighted boxes fusion, Solovyev et al. 2021, uses 0.55)."""


def d4(model: Perceive) -> Perceive:
    """The model that asks `model` eight times and fuses: labels by majority, boxes by weighted boxes fusion."""

    def perceive(frame: Frame) -> Perception:
        seen = []
        for view in VIEWS:
            turned = Frame(np.ascontiguousarray(turn(frame.image, view)), frame.stamp_ns, frame.frame_id, frame.source)
            seen.append(_turn_back(model(turned), view, frame.image.shape[:2]))
        maps = [p.labels for p in seen if p.labels is not None]
        timings = {k: sum(p.timings_ms.get(k, 0.0) for p in seen) for k in seen[0].timings_ms}
        labels = majority(np.stack(maps)) if maps else None
        return Perception(fuse([p.detections for p in seen]), labels, seen[0].class_names, frame.stamp_ns, timings)

    return perceive


def turn(image: NDArray[Pixel], view: tuple[int, bool]) -> NDArray[Pixel]:
    """The image (H, W, ...) as `view` shows it."""
    turns, mirrored = view
    return np.rot90(image[:, ::-1] if mirrored else image, turns)


def unturn(image: NDArray[Pixel], view: tuple[int, bool]) -> NDArray[Pixel]:
    """The inverse of `turn`."""
    turns, mirrored = view
    back = np.rot90(image, -turns)
    return back[:, ::-1] if mirrored else back


def unturn_box(box: NDArray[np.float32], view: tuple[int, bool], size: tuple[int, int]) -> NDArray[np.float32]:
    """A box (4,) xyxy of the turned image in the original one, whose size is (H, W)."""
    turns, mirrored = view
    height, width = (size[1], size[0]) if turns % 2 else size
    x0, y0, x1, y1 = (float(v) for v in box)
    for _ in range(turns):
        # A quarter clockwise: x' = H - y, y' = x.
        x0, y0, x1, y1 = height - y1, x0, height - y0, x1
        height, width = width, height
    if mirrored:
        x0, x1 = width - x1, width - x0
    return np.array([x0, y0, x1, y1], np.float32)


def majority(maps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The most frequent id a pixel has in maps uint8 (N, H, W); the first map decides between equals."""
    ids = np.unique(maps)
    votes = np.stack([(maps == i).sum(0) for i in ids]).astype(np.float32)
    votes += 0.5 * (ids[:, None, None] == maps[0])
    return np.asarray(ids[votes.argmax(0)], np.uint8)


def fuse(views: list[tuple[Detection, ...]]) -> tuple[Detection, ...]:
    """Fuse detections of several views of one image, best first.

    Boxes are averaged with their scores as weights. The score is the sum of a craft's scores over the number of
    views, so that one lucky view does not keep its full score.
    """
    clusters: list[list[Detection]] = []
    for detection in sorted((d for view in views for d in view), key=lambda d: -d.score):
        home = next((c for c in clusters if _same(c[0], detection)), None)
        if home is None:
            clusters.append([detection])
        else:
            home.append(detection)
    fused = [_mean(cluster, len(views)) for cluster in clusters]
    return tuple(sorted(fused, key=lambda d: -d.score))


def _same(a: Detection, b: Detection) -> bool:
    return a.class_name == b.class_name and box_iou(a.box_xyxy, b.box_xyxy) > FUSE_IOU


def _mean(cluster: list[Detection], views: int) -> Detection:
    weights = np.array([d.score for d in cluster]) + 1e-9
    box = np.average([d.box_xyxy for d in cluster], axis=0, weights=weights).astype(np.float32)
    masks = [d.mask for d in cluster if d.mask is not None]
    mask = np.asarray(np.mean(masks, axis=0) >= 0.5, bool) if masks else None
    return Detection(cluster[0].class_name, box, min(1.0, sum(d.score for d in cluster) / views), mask)


def _turn_back(seen: Perception, view: tuple[int, bool], size: tuple[int, int]) -> Perception:
    def back(image: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if image is None else np.ascontiguousarray(unturn(image, view))

    detections = tuple(
        Detection(d.class_name, unturn_box(d.box_xyxy, view, size), d.score, back(d.mask)) for d in seen.detections
    )
    return Perception(detections, back(seen.labels), seen.class_names, seen.stamp_ns, seen.timings_ms)


AUGMENTATIONS: dict[str, Callable[[Perceive], Perceive]] = {"none": lambda model: model, "d4": d4}
"""Name on the command line -> what it makes of a model."""
