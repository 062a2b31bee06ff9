"""Large pictures in tiles, and what may still be said of a thing that a tile's edge has cut.

More of it lies in the next tile. So nobody knows here how large it is, where its middle is, or how many there are with
it: of these, nothing is said. What colour it has and what it is can be said, if enough of it is in the tile; less than
half may be anything. It competes all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.refer.errors import ReferError
from afss_ros.refer.scene import Scene, Thing
from afss_ros.refer.things import coloured, framed, thing_of

Corner = tuple[int, int]
_EMPTY = 0.5
"""A tile of which more is black holds no picture worth speaking of."""
_BLACK = 10


def corners(size: tuple[int, int], side: int, overlap: float) -> Iterator[Corner]:
    """Upper left corners x, y of square tiles that cover a picture of `size` (height, width), none beyond it.

    The last of a row or column moves back to the border: no rest is lost. A picture of fewer pixels is one tile.

    Raises:
        ReferError: the tiles or their overlap make no sense.
    """
    if side < 32 or not 0 <= overlap <= 0.9:
        raise ReferError(f"tiles measure 32 pixels and more and overlap by 0 to 0.9, got {side} and {overlap}")
    step = max(1, round(side * (1 - overlap)))

    def along(length: int) -> list[int]:
        last = max(0, length - side)
        return sorted({*range(0, last, step), last})

    yield from ((x, y) for y in along(size[0]) for x in along(size[1]))


def tile(scene: Scene, image: NDArray[np.uint8], corner: Corner, side: int) -> tuple[Scene, NDArray[np.uint8]] | None:
    """What a tile shows of a scene, and its picture, uint8 (h, w, 3); None where it is black or holds nothing.

    Things keep their ids. `Thing.seen` says how much of a thing the tile has.
    """
    x0, y0 = corner
    picture = np.ascontiguousarray(image[y0 : y0 + side, x0 : x0 + side])
    height, width = picture.shape[:2]
    if (picture.max(2) < _BLACK).mean() > _EMPTY:
        return None
    things = []
    for thing in scene.things:
        if not _meets(thing, (x0, y0, x0 + width, y0 + height)):
            continue
        mask = scene.mask(thing)[y0 : y0 + height, x0 : x0 + width]
        if mask.any():
            part = thing_of(thing.id, thing.noun, mask)
            share = thing.seen * part.area / thing.area
            things.append(replace(thing, window=part.window, corner=part.corner, cut=part.cut, seen=share))
    there = {thing.id for thing in things}
    owned = (t if t.parent in there else replace(t, parent=None) for t in things)
    shown = Scene((height, width), tuple(owned), scene.nouns, scene.axes)
    if scene.window is not None:
        left, top, right, bottom = scene.window
        inner = (max(left - x0, 0), max(top - y0, 0), min(right - x0, width), min(bottom - y0, height))
        shown = framed(shown, inner)
    return (coloured(shown, picture), picture) if things else None


def _meets(thing: Thing, box: tuple[int, int, int, int]) -> bool:
    (x, y), (height, width) = thing.corner, thing.window.shape
    return x < box[2] and y < box[3] and x + width > box[0] and y + height > box[1]
