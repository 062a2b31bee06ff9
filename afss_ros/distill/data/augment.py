"""Augmentation cheap enough for a core that also trains: one warp and one look-up table per image.

Everything is a function of the numpy Generator that it is given: the same generator, the same picture.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.distill.recipe import AugmentRecipe
from afss_ros.labels import BACKGROUND, UNLABELLED

Rng = np.random.Generator


class Placement(NamedTuple):
    """An affine map float64 (2, 3) from source to crop, in corner pixel coordinates: crop = matrix @ (x, y, 1)."""

    matrix: NDArray[np.float64]
    scale: float


def place(
    rng: Rng, recipe: AugmentRecipe, source_wh: tuple[int, int], size: int, boxes: NDArray[np.float32]
) -> Placement:
    """Draw where the source lands in the crop.

    Args:
        rng: drawn from.
        recipe: ranges and chances.
        source_wh: width and height of the source, pixels.
        size: side of the crop, pixels.
        boxes: float32 (N, 4), craft that the crop may be centred on; may be empty.
    """
    # Asked only when it may be, so that recipes without tiles draw what they always drew.
    is_tile = recipe.native > 0 and rng.random() < recipe.native
    unit = 1.0 if is_tile else size / max(source_wh)
    scale = unit * float(np.exp(rng.uniform(*np.log(recipe.scale))))
    angle, mirror = 0.0, 1.0
    if recipe.rotate:
        angle = float(rng.integers(4)) * np.pi / 2
        mirror = 1.0 if rng.random() < 0.5 else -1.0
    if recipe.tilt_degrees and rng.random() < 0.5:
        angle += float(np.deg2rad(rng.uniform(-recipe.tilt_degrees, recipe.tilt_degrees)))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos * mirror, -sin], [sin * mirror, cos]])
    if len(boxes) and rng.random() < recipe.centre_on_craft:
        x0, y0, x1, y1 = boxes[int(rng.integers(len(boxes)))]
        anchor = np.array([rng.uniform(x0, x1), rng.uniform(y0, y1)])
        target = rng.uniform(0.15, 0.85, 2) * size
    else:
        anchor = np.array(source_wh) / 2
        slack = abs(np.array(source_wh) * scale - size) / 2
        target = size / 2 + rng.uniform(-1, 1, 2) * slack
    shift = target - turn @ anchor
    width, height = source_wh
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64) @ turn.T + shift
    shift += (
        _cover(corners[:, 0].min(), corners[:, 0].max(), size),
        _cover(corners[:, 1].min(), corners[:, 1].max(), size),
    )
    return Placement(np.column_stack([turn, shift]), scale)


def _cover(low: float, high: float, size: int) -> float:
    """How far to move [low, high] so that it covers [0, size], or lies inside when it is shorter: no empty margin."""
    if high - low < size:
        return float(max(0.0, -low) - max(0.0, high - size))
    return float(max(0.0, size - high) - max(0.0, low))


def warp_image(image: NDArray[np.uint8], placement: Placement, size: int) -> NDArray[np.uint8]:
    """The crop of an RGB image (H, W, 3) as uint8 (size, size, 3); black outside the source."""
    matrix = placement.matrix
    scale = placement.scale
    while scale < 0.5:  # bilinear sampling would skip source pixels
        image = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        matrix, scale = matrix * np.array([2.0, 2.0, 1.0]), scale * 2
    out = cv2.warpAffine(image, _centred(matrix), (size, size), flags=cv2.INTER_LINEAR)
    return np.asarray(out, np.uint8)


def warp_labels(
    labels: NDArray[np.uint8], placement: Placement, size: int, outside: int = BACKGROUND
) -> NDArray[np.uint8]:
    """The crop of a label map or mask (H, W), nearest neighbour; `outside` beyond the source."""
    matrix = _centred(placement.matrix)
    out = cv2.warpAffine(labels, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=(float(outside),))
    return np.asarray(out, np.uint8)


def warp_box(box: NDArray[np.float32], placement: Placement, size: int) -> NDArray[np.float32]:
    """The box around the warped corners of `box` (4,) xyxy, clipped to the crop: exact for quarter turns alone."""
    x0, y0, x1, y1 = box
    corners = np.array([[x0, y0, 1], [x1, y0, 1], [x0, y1, 1], [x1, y1, 1]], np.float64) @ placement.matrix.T
    return np.concatenate([corners.min(0), corners.max(0)]).clip(0, size).astype(np.float32)


def _centred(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same map for OpenCV, which has (0, 0) at the centre of the top left pixel."""
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5
    return np.asarray(shifted, np.float64)


def tone(rng: Rng, recipe: AugmentRecipe, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gamma, gain, black level and the balance of colours in one look-up table per channel."""
    low, high = recipe.gain
    gains = np.full(3, np.exp(rng.uniform(np.log(low), np.log(high))))
    if rng.random() < recipe.colour:
        gains = gains * rng.uniform(0.8, 1.2, 3)
    gamma = np.exp(rng.uniform(*np.log(recipe.gamma)))
    offset = rng.uniform(-recipe.offset, recipe.offset)
    levels = (np.arange(256)[:, None] / 255) ** gamma * 255 * gains + offset
    table = levels.clip(0, 255).astype(np.uint8)
    if rng.random() < recipe.grey:
        image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
        table = np.repeat(table[:, :1], 3, 1)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def degrade(rng: Rng, recipe: AugmentRecipe, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blur (defocus or motion), low light, sensor noise and JPEG, each by its own chance, in the order of a camera."""
    if rng.random() < recipe.blur:
        image = _blur(rng, image)
    # Asked only when it may be, so that recipes without low light draw what they always drew.
    if recipe.low_light > 0 and rng.random() < recipe.low_light:
        image = _low_light(rng, image)
    if rng.random() < recipe.noise:
        sigma = float(np.exp(rng.uniform(np.log(1.0), np.log(14.0))))
        noise = rng.standard_normal(image.shape, np.float32) * sigma
        image = (image + noise).clip(0, 255).astype(np.uint8)
    if rng.random() < recipe.jpeg:
        done, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        if done:
            image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return image


def _blur(rng: Rng, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.8))), np.uint8)
    length = int(rng.integers(3, 9))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = (length - 1) / 2
    step = np.array([np.cos(angle), np.sin(angle)]) * reach
    start, end = (tuple(int(v) for v in np.round(reach + s * step)) for s in (-1, 1))
    cv2.line(kernel, start, end, (1.0,))
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def _low_light(rng: Rng, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same scene exposed for a fraction of the time, as a sensor gives it: a black level that is not black, faint
    points everywhere (hot pixels, or the stars that a short exposure still shows), read noise of a few counts."""
    exposure = np.exp(rng.uniform(np.log(0.15), 0.0))
    level = image * np.float32(exposure) + np.float32(rng.uniform(4.0, 50.0))
    faint: NDArray[np.float32] = rng.exponential(25.0, image.shape[:2]).astype(np.float32)
    faint[rng.random(image.shape[:2], np.float32) > rng.uniform(0.0, 4e-3)] = 0
    if rng.random() < 0.7:
        faint = np.asarray(cv2.GaussianBlur(faint, (0, 0), 0.6), np.float32) * 2
    sigma = np.float32(rng.uniform(0.5, 4.0))
    noise = rng.standard_normal(image.shape, np.float32)
    return np.asarray((level + faint[..., None] + noise * sigma).clip(0, 255), np.uint8)


def cut_out(rng: Rng, recipe: AugmentRecipe, image: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Paint one flat rectangle over the image, in place, and take its pixels out of the labels."""
    if rng.random() >= recipe.cutout:
        return
    side = image.shape[0]
    width, height = (int(v) for v in rng.uniform(0.05, 0.3, 2) * side)
    x, y = int(rng.integers(side - width)), int(rng.integers(side - height))
    image[y : y + height, x : x + width] = rng.integers(0, 256, 3)
    labels[y : y + height, x : x + width] = UNLABELLED
