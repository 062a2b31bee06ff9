"""What SAM 2 is asked with in training: boxes that are not quite right, points inside, points where it was wrong.

The recipe is Meta's for still pictures (facebookresearch/sam2, training/model/sam2.py): a box or one point, then
points from where the answer differs from the truth. What it lacks is a question to which "nothing is here" is the
answer; boxes on bare ground are ours, and teach the object score to refuse what a detector made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OUTSIDE, INSIDE, TOP_LEFT, BOTTOM_RIGHT = 0, 1, 2, 3
"""What SAM 2's labels of points mean."""
NOISE = 0.1
"""Standard deviation of a box's edges in training, as a share of its side."""
_TRIES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """A question for each of P objects, in pixels of the picture.

    Attributes:
        points: float32 (P, N, 2), x and y; (0, 0) is the corner of the top left pixel.
        labels: int64 (P, N), see `INSIDE` and its like.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.points)

    def with_more(self, other: Prompts) -> Prompts:
        """The same questions with further points each."""
        return Prompts(
            np.concatenate([self.points, other.points], axis=1), np.concatenate([self.labels, other.labels], axis=1)
        )


def of_boxes(boxes: NDArray[np.floating]) -> Prompts:
    """Boxes (P, 4) x_min, y_min, x_max, y_max as prompts: two corners each, which is how SAM 2 reads a box."""
    labels = np.tile(np.array([TOP_LEFT, BOTTOM_RIGHT], np.int64), (len(boxes), 1))
    return Prompts(np.asarray(boxes, np.float32).reshape(-1, 2, 2), labels)


def of_points(points: NDArray[np.floating], label: int = INSIDE) -> Prompts:
    """One point (P, 2) each."""
    return Prompts(np.asarray(points, np.float32)[:, None], np.full((len(points), 1), label, np.int64))


def jittered(
    boxes: NDArray[np.floating], size: tuple[int, int], rng: np.random.Generator, noise: float = NOISE
) -> NDArray[np.float32]:
    """Boxes (P, 4) whose edges are off by a tenth of their side, as those of a detector are.

    Args:
        size: height and width of the picture, which boxes do not leave.
        noise: standard deviation, as a share of the side; no edge moves by more than two of them.
    """
    boxes = np.asarray(boxes, np.float64)
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = boxes + np.clip(rng.normal(0, 1, boxes.shape), -2, 2) * noise * sides
    limit = np.array([size[1], size[0]] * 2, float)
    moved = np.clip(moved, 0, limit)
    thin = moved[:, 2:] - moved[:, :2] < 1  # of an object as narrow as the shifts
    moved = np.where(np.tile(thin, 2), boxes, moved)
    return np.asarray(moved, np.float32)


def inside(masks: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    """A point in each of masks bool (P, H, W), drawn evenly: float32 (P, 2), the middle of a pixel.

    Of an empty mask, the picture's middle.
    """
    return np.stack([_drawn(mask, rng) for mask in masks]) if len(masks) else np.zeros((0, 2), np.float32)


def corrections(
    truth: NDArray[np.bool_], found: NDArray[np.bool_], rng: np.random.Generator, known: NDArray[np.bool_] | None = None
) -> Prompts:
    """A further point each, drawn evenly from where the answer is wrong: `INSIDE` what it missed, `OUTSIDE` what is
    false. An answer without error gets a point that confirms it.

    Args:
        truth, found: bool (P, H, W).
        known: bool (H, W), where the truth is; None for everywhere.
    """
    points, labels = [], []
    for wanted, got in zip(truth, found, strict=True):
        wrong = wanted ^ got
        if known is not None:
            wrong &= known
        region = wrong if wrong.any() else wanted if wanted.any() else ~wanted
        point = _drawn(region, rng)
        points.append(point)
        labels.append(INSIDE if wanted[int(point[1]), int(point[0])] else OUTSIDE)
    at = np.stack(points)[:, None] if points else np.zeros((0, 1, 2), np.float32)
    return Prompts(at, np.array(labels, np.int64).reshape(-1, 1))


def bare_ground(
    taken: NDArray[np.bool_], sides: NDArray[np.floating], count: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Boxes (up to `count`, 4) that touch no object: questions with the answer no.

    Args:
        taken: bool (H, W), objects and what is not known.
        sides: (S, 2), widths and heights to draw from, one or more.
    """
    height, width = taken.shape
    total = np.zeros((height + 1, width + 1), np.int64)
    total[1:, 1:] = taken.cumsum(0).cumsum(1)
    boxes: list[tuple[int, int, int, int]] = []
    for _ in range(count * _TRIES):
        if len(boxes) == count:
            break
        w, h = np.clip(np.rint(sides[rng.integers(len(sides))]), 4, (width, height)).astype(int)
        x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        if not total[y + h, x + w] - total[y, x + w] - total[y + h, x] + total[y, x]:
            boxes.append((x, y, x + w, y + h))
    return np.array(boxes, np.float32).reshape(-1, 4)


def _drawn(region: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    flat = np.flatnonzero(region)
    if not len(flat):
        return np.array([region.shape[1] / 2, region.shape[0] / 2], np.float32)
    y, x = divmod(int(flat[rng.integers(len(flat))]), region.shape[1])
    return np.array([x + 0.5, y + 0.5], np.float32)
