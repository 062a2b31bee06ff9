"""A scene: things with masks and facts, whoever saw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.refer.errors import ReferError

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Thing:
    """One thing in a picture; what is not known of it is None.

    Attributes:
        id: unique in its scene.
        noun: its class name.
        window: bool (h, w), the mask inside its tight box; some pixel is set in every border row and column.
        corner: x, y of the window in the picture, pixels.
        cut: whether the picture's frame cuts it.
        parent: id of the craft that it is a part of.
        shares: by colour, the share of its pixels that surely has it, and that may have it; empty without a picture.
        brightness: mean luminance of its pixels, 0..255.
        lit: the share of its pixels that the Sun reaches, where the scene's maker knows.
        distance: from the camera; in one unit for all things of a scene, or a stand-in that orders them alike.
        score: how sure its finder is, 0..1.
        seen: the share of it that is in the picture, where the picture is a tile of a larger one.
    """

    id: int
    noun: str
    window: Mask
    corner: tuple[int, int]
    cut: bool = False
    parent: int | None = None
    shares: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    brightness: float | None = None
    lit: float | None = None
    distance: float | None = None
    score: float = 1.0
    seen: float = 1.0

    @cached_property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(np.count_nonzero(self.window))

    @cached_property
    def centroid(self) -> tuple[float, float]:
        """Mean x, y of the mask's pixels, corner convention."""
        moments = cv2.moments(self.window.view(np.uint8), binaryImage=True)
        x, y = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
        return self.corner[0] + x + 0.5, self.corner[1] + y + 0.5

    @property
    def box_xyxy(self) -> NDArray[np.float32]:
        """Tight box of the mask, float32 (4,), corner convention."""
        (x, y), (height, width) = self.corner, self.window.shape
        return np.array([x, y, x + width, y + height], np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """Things in a picture.

    Attributes:
        size: height and width of the picture, pixels.
        things: in no order that means anything.
        nouns: the class names of which every thing is here; of others nobody knows.
        window: x0, y0, x1, y1 of what the camera saw, where bars fill up the rest; None for the whole picture. What
            its edge cuts is cut by the frame.
        axes: where directions of the craft's own frame point in the picture, x and y, by `meaning.CRAFT_DIRECTIONS`.
    """

    size: tuple[int, int]
    things: tuple[Thing, ...]
    nouns: frozenset[str]
    axes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    window: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        ids = [thing.id for thing in self.things]
        if len(set(ids)) < len(ids):
            raise ReferError(f"two things of a scene have one id: {sorted(ids)}; give each its own")
        if strange := {thing.noun for thing in self.things} - self.nouns:
            raise ReferError(f"the scene holds {', '.join(sorted(strange))} but does not say that it knows them")

    def free(self, thing: Thing) -> float:
        """Pixels between a thing's box and the frame; 0 or less where the frame cuts it."""
        left, top, right, bottom = self.window or (0, 0, self.size[1], self.size[0])
        x0, y0, x1, y1 = (float(v) for v in thing.box_xyxy)
        return min(x0 - left, y0 - top, right - x1, bottom - y1)

    def mask(self, thing: Thing) -> Mask:
        """A thing's mask in the picture's size, bool (H, W)."""
        whole = np.zeros(self.size, bool)
        self.paint(whole, thing)
        return whole

    def paint(self, onto: Mask, thing: Thing) -> None:
        """Set a thing's pixels in a mask of the picture's size."""
        (x, y), (height, width) = thing.corner, thing.window.shape
        onto[y : y + height, x : x + width] |= thing.window

    def with_things(self, *things: Thing) -> Scene:
        """The scene with these things instead."""
        return replace(self, things=things)

    @cached_property
    def _far(self) -> dict[int, NDArray[np.float32]]:
        return {}

    def gap(self, a: Thing, b: Thing) -> float:
        """Pixels between the masks of two things; 0 where they touch."""
        if a.id > b.id:
            a, b = b, a  # the same number, whoever is asked about
        if a.id not in self._far:
            free = (~self.mask(a)).view(np.uint8)
            self._far[a.id] = np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 5), np.float32)
        (x, y), (height, width) = b.corner, b.window.shape
        return max(0.0, float(self._far[a.id][y : y + height, x : x + width][b.window].min()) - 1.0)
