"""Questions about one window of a raster, and the polygons that answers become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import rasterio.features
import shapely
import torch
from numpy.typing import NDArray

from afss_ros.geo.grid import Window
from afss_ros.geo.sam2.embeddings import Embeddings
from afss_ros.geo.sam2.network import question
from afss_ros.geo.sam2.prompts import Prompts
from afss_ros.geo.sam2.tuned import Ready

_STABLE = 1.0
"""Logits within which an outline must not change much, as in Meta's automatic masks."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """SAM 2's answer to one question.

    Attributes:
        polygon: in pixels of the raster; None for an empty mask.
        pixels: of the polygon's mask.
        score: its own estimate of the mask's IoU; where it learned what bare ground is, times `there`.
        there: how likely there is an object, 0..1.
        stability: IoU of the masks at logits 1 and -1.
    """

    polygon: Any
    pixels: int
    score: float
    there: float
    stability: float


class Asker:
    """SAM 2 over windows of a raster.

    Args:
        ready: the network.
        together: questions at once: what memory depends on.
    """

    def __init__(self, ready: Ready, together: int = 16) -> None:
        self._ready, self._together = ready, together
        self._embeddings = Embeddings(ready.sam2, None)

    def __call__(
        self,
        picture: NDArray[np.uint8],
        valid: NDArray[np.bool_],
        window: Window,
        asked: Prompts,
        several: bool = False,
    ) -> Iterator[Found]:
        """Answers to questions, in pixels of the window, about what a window shows.

        Args:
            several: three answers to each question, else one.
        """
        if not len(asked):
            return
        features = self._embeddings(picture)
        size = picture.shape[:2]
        for first in range(0, len(asked), self._together):
            part = slice(first, first + self._together)
            with torch.no_grad():
                answer = question(
                    self._ready.sam2, features, Prompts(asked.points[part], asked.labels[part]), size, several=several
                )
                masks = (answer.at(size) > 0).cpu().numpy()
                sure = (answer.logits > _STABLE).flatten(2).sum(-1).double()
                all_ = (answer.logits > -_STABLE).flatten(2).sum(-1).double()
            stability = (sure / all_.clamp(min=1)).cpu().numpy()
            ious = answer.ious.float().clamp(0, 1).cpu().numpy()
            there = answer.objects.float().sigmoid().cpu().numpy()
            for p in range(len(masks)):
                for m in range(masks.shape[1]):
                    polygon, pixels = largest(masks[p, m] & valid, window)
                    score = float(ious[p, m]) * (float(there[p]) if self._ready.knows_bare_ground else 1.0)
                    yield Found(polygon, pixels, score, float(there[p]), float(stability[p, m]))


def largest(mask: NDArray[np.bool_], window: Window) -> tuple[Any, int]:
    """The largest object of four neighbours in a mask bool (H, W), as a polygon of the raster's pixels, and its size.

    One question is about one object: what else a mask holds is none of it.
    """
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return None, 0
    best = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    left, top, width, height, area = (int(v) for v in facts[best])
    part = (labels[top : top + height, left : left + width] == best).astype(np.uint8)
    shift = rasterio.Affine.translation(window.col + left, window.row + top)
    shape = next(s for s, v in rasterio.features.shapes(part, part > 0, connectivity=4, transform=shift) if v)
    outline, *holes = shape["coordinates"]
    return shapely.Polygon(outline, holes), area


def points_over(valid: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    """The middles of `side` x `side` equal cells of a window that hold data, float32 (P, 2).

    Own points: those of transformers' pipeline all lie in one half of a picture that is not square.
    """
    height, width = valid.shape
    y, x = (((np.arange(side) + 0.5) * n / side) for n in (height, width))
    points = np.stack([np.tile(x, side), np.repeat(y, side)], axis=1)
    there = valid[points[:, 1].astype(int), points[:, 0].astype(int)]
    return np.asarray(points[there], np.float32)


def apart(shapes: Sequence[Any], scores: Sequence[float], before: Sequence[Any] = (), most: float = 0.5) -> list[int]:
    """Places of shapes that stay when, of two that share ground, the surer does; footprints do not overlap.

    Args:
        before: shapes that are settled already, and win.
        most: of the smaller one's area, that two may share.
    """
    kept: list[int] = []
    every = [*before, *shapes]
    tree = shapely.STRtree(every)
    alive = np.zeros(len(every), bool)
    alive[: len(before)] = True
    for i in sorted(range(len(shapes)), key=lambda i: (-scores[i], i)):
        near = tree.query(shapes[i], "intersects")
        near = near[alive[near]]
        others = [every[j] for j in near.tolist()]
        if any(shapes[i].intersection(o).area > most * min(shapes[i].area, o.area) for o in others):
            continue
        alive[len(before) + i] = True
        kept.append(i)
    return sorted(kept)
