"""Views of one image (test-time augmentation) and the exact way back for boxes and masks.

A view changes the uint8 image *before* a detector normalises it: colour changes after normalisation would clamp the
dark half of the picture. Geometry is described by what it does to pixels, so its inverse loses nothing:

- flips and the quarter turn move pixels one to one;
- `scale` shrinks (or enlarges) the content on a canvas of the same size, because a detector resizes its input anyway
  and would undo a plain resize. Masks use nearest neighbour at pixel centres: a mask that lives on the coarser of the
  two grids survives the way to the finer grid and back without a changed pixel.

The presets v1 to v4 are those of AFSS (arXiv 2602.04699).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.errors import TeacherError

GEOMETRIC = ("identity", "hflip", "vflip", "rot90", "scale")
PHOTOMETRIC = ("brightness", "contrast", "saturation", "hue")
_WITH_AMOUNT = ("scale", *PHOTOMETRIC)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in torchvision


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at an image.

    Attributes:
        kind: one of `GEOMETRIC` or `PHOTOMETRIC`.
        amount: scale, brightness, contrast and saturation: a factor, 1 changes nothing; hue: a fraction of a turn.
    """

    kind: str
    amount: float = 1.0

    @classmethod
    def parse(cls, text: str) -> View:
        """Read `hflip` or `scale:0.8`.

        Raises:
            TeacherError: the kind is unknown, or its amount is missing, unwanted or not usable.
        """
        kind, _, amount = text.strip().partition(":")
        if kind not in GEOMETRIC + PHOTOMETRIC:
            raise TeacherError(f"unknown view '{text}'; known: {', '.join(GEOMETRIC + PHOTOMETRIC)}")
        if (kind in _WITH_AMOUNT) != bool(amount):
            cure = f"write '{kind}:0.8'" if kind in _WITH_AMOUNT else f"write '{kind}'"
            raise TeacherError(f"view '{text}' needs {'an' if kind in _WITH_AMOUNT else 'no'} amount; {cure}")
        if not amount:
            return cls(kind)
        try:
            value = float(amount)
        except ValueError as error:
            raise TeacherError(f"view '{text}': '{amount}' is not a number") from error
        low, high = (-0.5, 0.5) if kind == "hue" else (0.1, 4.0)
        if not low <= value <= high:
            raise TeacherError(f"view '{text}': the amount must lie in {low}..{high}")
        return cls(kind, value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.amount:g}" if self.kind in _WITH_AMOUNT else self.kind

    def image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture that a detector gets: uint8 (H, W, 3) RGB; (W, H, 3) for `rot90`."""
        if self.kind in PHOTOMETRIC:
            return _recolor(image, self.kind, self.amount)
        if self.kind == "scale":
            height, width = image.shape[:2]
            content = _scaled_size(height, width, self.amount)
            area = cv2.INTER_AREA if self.amount < 1 else cv2.INTER_LINEAR
            resized = cv2.resize(image, (content[1], content[0]), interpolation=area)
            canvas = np.zeros_like(image)
            h, w = min(height, content[0]), min(width, content[1])
            canvas[:h, :w] = resized[:h, :w]
            return canvas
        return np.ascontiguousarray(_move(image, self.kind))

    def mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask (H, W) of the image as it looks in the view."""
        if self.kind != "scale":
            return np.ascontiguousarray(_move(mask, self.kind))
        height, width = mask.shape
        content = _scaled_size(height, width, self.amount)
        resized = _nearest(mask, content)
        canvas = np.zeros_like(mask)
        h, w = min(height, content[0]), min(width, content[1])
        canvas[:h, :w] = resized[:h, :w]
        return canvas

    def mask_back(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The inverse of `mask`: from the view's pixels to the image's."""
        if self.kind == "rot90":
            return np.ascontiguousarray(np.rot90(mask, -1))
        if self.kind != "scale":
            return np.ascontiguousarray(_move(mask, self.kind))
        height, width = mask.shape
        content = _scaled_size(height, width, self.amount)
        whole = np.zeros(content, np.bool_)
        h, w = min(height, content[0]), min(width, content[1])
        whole[:h, :w] = mask[:h, :w]
        return _nearest(whole, (height, width))

    def boxes(self, boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """Boxes (N, 4) xyxy of an image of `size` (H, W) as they lie in the view."""
        return self._map(boxes, size, back=False)

    def boxes_back(self, boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """The inverse of `boxes`; `size` (H, W) is that of the image, not of the view."""
        return self._map(boxes, size, back=True)

    def _map(self, boxes: NDArray[np.float32], size: tuple[int, int], *, back: bool) -> NDArray[np.float32]:
        height, width = size
        x0, y0, x1, y1 = boxes.astype(np.float64).reshape(-1, 4).T
        if self.kind == "hflip":
            x0, x1 = width - x1, width - x0
        elif self.kind == "vflip":
            y0, y1 = height - y1, height - y0
        elif self.kind == "rot90" and not back:  # a quarter turn to the left: x' = y, y' = W - x
            x0, y0, x1, y1 = y0, width - x1, y1, width - x0
        elif self.kind == "rot90":
            x0, y0, x1, y1 = width - y1, x0, width - y0, x1
        elif self.kind == "scale":
            content = _scaled_size(height, width, self.amount)
            sx, sy = content[1] / width, content[0] / height
            sx, sy = (1 / sx, 1 / sy) if back else (sx, sy)
            x0, x1, y0, y1 = x0 * sx, x1 * sx, y0 * sy, y1 * sy
        return np.stack([x0, y0, x1, y1], axis=1).astype(np.float32)


_PRESETS: dict[str, tuple[str, ...]] = {
    "none": ("identity",),
    "v1": ("identity", "hflip", "scale:0.8", "brightness:1.1", "contrast:0.9", "saturation:1.05", "hue:0.02"),
    "v2": ("identity", "hflip", "vflip"),
    "v3": ("identity", "hflip"),
    "v4": ("identity", "vflip"),
}
PRESETS: dict[str, tuple[View, ...]] = {name: tuple(map(View.parse, texts)) for name, texts in _PRESETS.items()}


def parse_views(text: str) -> tuple[View, ...]:
    """Read a preset's name (`v4`) or a list (`identity,hflip,scale:0.8`).

    Raises:
        TeacherError: a view is unknown or given twice, or `identity` is missing.
    """
    if text in PRESETS:
        return PRESETS[text]
    try:
        views = tuple(View.parse(part) for part in text.split(","))
    except TeacherError as error:
        raise TeacherError(f"{error}; or a preset: {', '.join(PRESETS)}") from error
    if len(set(views)) != len(views):
        raise TeacherError(f"views '{text}': a view is given twice, which would count its evidence twice")
    if View("identity") not in views:
        raise TeacherError(f"views '{text}': 'identity' is missing; the image as it is must be one of the views")
    return views


def _move(array: NDArray[Any], kind: str) -> NDArray[Any]:
    if kind == "hflip":
        return array[:, ::-1]
    if kind == "vflip":
        return array[::-1]
    return np.rot90(array) if kind == "rot90" else array


def _scaled_size(height: int, width: int, scale: float) -> tuple[int, int]:
    return max(1, round(height * scale)), max(1, round(width * scale))


def _nearest(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    rows = ((np.arange(size[0]) + 0.5) * mask.shape[0] / size[0]).astype(np.intp)
    columns = ((np.arange(size[1]) + 0.5) * mask.shape[1] / size[1]).astype(np.intp)
    picked: NDArray[np.bool_] = mask[rows[:, None], columns[None, :]]
    return picked


def _recolor(image: NDArray[np.uint8], kind: str, amount: float) -> NDArray[np.uint8]:
    pixels = image.astype(np.float32)
    if kind == "hue":
        hsv = cv2.cvtColor(pixels / 255.0, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + 360.0 * amount) % 360.0
        changed = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255.0
    elif kind == "brightness":
        changed = pixels * amount
    else:
        gray = pixels @ _LUMA
        anchor = gray.mean() if kind == "contrast" else gray[..., None]
        changed = anchor + (pixels - anchor) * amount
    rounded: NDArray[np.uint8] = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
    return rounded
