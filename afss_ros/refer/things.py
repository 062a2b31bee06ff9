"""Scenes from what a student or a labeller gives: a label map, or masks with names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.refer.colour import shares
from afss_ros.refer.errors import ReferError
from afss_ros.refer.scene import Mask, Scene, Thing

WHOLE = labels.CLASS_NAMES[labels.SPACECRAFT]
ONE_A_CRAFT = frozenset({labels.CLASS_NAMES[labels.BODY]})
"""Parts of which a craft has one, however many pieces of it are seen."""
_MERGE_GAP = 0.05
"""As a fraction of the longer side: the same as a student's, so that both count the same craft."""
_PIECE_GAP = 0.008
"""Pieces of a part closer than this are one: a boom across a panel does not make it two."""
_SAMPLED = 8192
"""Pixels of a thing that are enough to tell its colour."""
_SPECK = 0.02
"""A piece of a part smaller than this share of the largest of its kind on the craft is a flaw of the label map."""


def from_labels(
    label_map: NDArray[np.uint8],
    class_names: Mapping[int, str] = labels.CLASS_NAMES,
    image: NDArray[np.uint8] | None = None,
    *,
    crafts: Iterable[Mask] | None = None,
    min_area: int = 16,
    specks: bool = False,
) -> Scene:
    """Craft and their parts, from a label map.

    Args:
        label_map: uint8 (H, W), of ids in `class_names`; background and unlabelled are nothing.
        class_names: names of the ids; a name that no id of the map has is a class that was looked for.
        image: uint8 (H, W, 3) RGB of the same size, for facts of colour and light; without it they are unknown.
        crafts: masks of the craft, bool (H, W), where somebody knows them; else pieces that are close are one craft.
        min_area: smallest craft, in pixels.
        specks: whether tiny pieces count: True for labels that are true, False for what a network says.

    Raises:
        ReferError: the picture has another size than the label map.
    """
    parts = {number: name for number, name in class_names.items() if number not in _NO_PART and name != WHOLE}
    craft_pixels = (label_map != labels.BACKGROUND) & (label_map != labels.UNLABELLED)
    x, y, width, height = cv2.boundingRect(craft_pixels.view(np.uint8))
    nouns = frozenset({*parts.values(), WHOLE})
    if not width:
        return Scene(label_map.shape[:2], (), nouns)
    gap = max(1, round(_MERGE_GAP * max(label_map.shape)))
    found: list[Thing] = []
    if crafts is None:
        pieces = _pieces(craft_pixels[y : y + height, x : x + width], gap)
        whole = [((x + left, y + top), window) for (left, top), window in pieces]
    else:
        whole = [_tight(mask & craft_pixels) for mask in crafts if (mask & craft_pixels).any()]
    for (left, top), window in whole:
        if np.count_nonzero(window) < min_area:
            continue
        craft = Thing(len(found) + 1, WHOLE, window, (left, top))
        found.append(craft)
        ids = np.where(window, label_map[top : top + window.shape[0], left : left + window.shape[1]], 0)
        for number, name in parts.items():
            found.extend(_parts_of(craft, name, ids == number, len(found), label_map.shape[:2], specks))
    framed = tuple(replace(thing, cut=_is_cut(thing, label_map.shape[:2])) for thing in found)
    scene = Scene((label_map.shape[0], label_map.shape[1]), framed, nouns)
    return scene if image is None else coloured(scene, image)


_NO_PART = (labels.BACKGROUND, labels.UNLABELLED)


def from_masks(
    named: Iterable[tuple[str, Mask]], nouns: Iterable[str], image: NDArray[np.uint8] | None = None
) -> Scene:
    """A scene of masks with names, in their order; ids are 1, 2, ...; empty masks are left out, their ids too.

    Args:
        named: class name and mask, bool (H, W); a part within one craft's mask, by nine tenths, belongs to it.
        nouns: the class names that were looked for.
        image: uint8 (H, W, 3) RGB.

    Raises:
        ReferError: the masks have different sizes, or there is neither mask nor picture to tell a size.
    """
    pairs = [(name, np.asarray(mask, bool)) for name, mask in named]
    sizes = {mask.shape for _, mask in pairs} | ({image.shape[:2]} if image is not None else set())
    if len(sizes) != 1:
        raise ReferError(f"masks and picture have sizes {sorted(sizes)}; they must all have one")
    (size,) = sizes
    things = []
    for number, (name, mask) in enumerate(pairs, 1):
        if mask.any():
            things.append(thing_of(number, name, mask))
    bare = Scene((size[0], size[1]), tuple(things), frozenset(nouns) | {name for name, _ in pairs})
    masks = {thing.id: bare.mask(thing) for thing in things if thing.noun == WHOLE}
    owned = []
    for thing in things:
        owner = None
        if thing.noun != WHOLE:
            rows, columns = _slices(thing)
            inside = {number: int((mask[rows, columns] & thing.window).sum()) for number, mask in masks.items()}
            fits = [number for number, count in inside.items() if count >= 0.9 * thing.area]
            owner = fits[0] if len(fits) == 1 else None
        owned.append(replace(thing, parent=owner))
    scene = bare.with_things(*owned)
    return scene if image is None else coloured(scene, image)


def thing_of(number: int, noun: str, mask: Mask) -> Thing:
    """The thing that covers a mask, bool (H, W), of which some pixel is set."""
    corner, window = _tight(mask)
    thing = Thing(number, noun, window, corner)
    return replace(thing, cut=_is_cut(thing, mask.shape))


def framed(scene: Scene, window: tuple[int, int, int, int]) -> Scene:
    """The scene of a picture that the camera filled within a window, x0, y0, x1, y1, alone; bars fill up the rest."""
    within = replace(scene, window=window)
    return within.with_things(*(replace(thing, cut=within.free(thing) <= 0) for thing in scene.things))


def coloured(scene: Scene, image: NDArray[np.uint8]) -> Scene:
    """The scene with facts of colour and light, from its picture, uint8 (H, W, 3) RGB.

    Raises:
        ReferError: the picture has another size.
    """
    if image.shape[:2] != scene.size:
        raise ReferError(f"the picture is {image.shape[:2]}, the scene {scene.size}; give the picture it was made from")
    things = []
    for thing in scene.things:
        shown, inside = image[_slices(thing)], thing.window.view(np.uint8)
        luminance = float(np.dot(cv2.mean(shown, mask=inside)[:3], (0.299, 0.587, 0.114)))
        step = 1 + int(math.sqrt(thing.area / _SAMPLED))
        pixels = shown[::step, ::step][thing.window[::step, ::step]]
        pixels = pixels if len(pixels) else shown[thing.window]
        things.append(replace(thing, shares=shares(pixels), brightness=luminance))
    return scene.with_things(*things)


def _tight(mask: Mask) -> Piece:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (x, y), mask[y : y + height, x : x + width].copy()


def _slices(thing: Thing) -> tuple[slice, slice]:
    (x, y), (height, width) = thing.corner, thing.window.shape
    return slice(y, y + height), slice(x, x + width)


def _is_cut(thing: Thing, size: tuple[int, ...]) -> bool:
    (x, y), (height, width) = thing.corner, thing.window.shape
    return x == 0 or y == 0 or x + width == size[1] or y + height == size[0]


Piece = tuple[tuple[int, int], Mask]
"""Corner x, y, and the mask in its tight box."""


def _pieces(mask: Mask, gap: int) -> list[Piece]:
    """Pieces of a mask, those that are closer than `gap` pixels to each other taken for one; the largest first.

    A gap of -1 takes all for one.
    """
    pixels = mask.view(np.uint8)
    count, *arrays = cv2.connectedComponentsWithStats(pixels, connectivity=8, ltype=cv2.CV_32S)
    numbers, stats = np.asarray(arrays[0], np.int32), np.asarray(arrays[1], np.int32)
    groups = np.arange(count)
    if count > 2:
        groups = np.minimum(groups, 1) if gap < 0 else _joined(pixels, numbers, stats, gap)
    found = []
    for group in np.unique(groups[1:]):
        members = np.flatnonzero(groups == group)
        members = members[members > 0]
        boxes = stats[members]
        x, y = int(boxes[:, cv2.CC_STAT_LEFT].min()), int(boxes[:, cv2.CC_STAT_TOP].min())
        right = int((boxes[:, cv2.CC_STAT_LEFT] + boxes[:, cv2.CC_STAT_WIDTH]).max())
        bottom = int((boxes[:, cv2.CC_STAT_TOP] + boxes[:, cv2.CC_STAT_HEIGHT]).max())
        seen = numbers[y:bottom, x:right]
        window = seen == members[0] if len(members) == 1 else np.isin(seen, members)
        found.append((int(boxes[:, cv2.CC_STAT_AREA].sum()), (x, y), np.asarray(window, bool)))
    return [(corner, window) for _, corner, window in sorted(found, key=lambda piece: -piece[0])]


def _joined(
    pixels: NDArray[np.uint8], numbers: NDArray[np.int32], stats: NDArray[np.int32], gap: int
) -> NDArray[np.intp]:
    """For every piece, int (N,), the number of its group. Half the gap is added to each side of all pieces.

    On a coarser grid where the gap is wide, for what is far apart needs no fine ruler.
    """
    block = max(1, gap // 8)
    height, width = -(-pixels.shape[0] // block), -(-pixels.shape[1] // block)
    padded = np.zeros((height * block, width * block), np.uint8)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    coarse = padded.reshape(height, block, width, block).max((1, 3)) if block > 1 else padded
    reach = max(1, gap // (2 * block))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    framed = cv2.copyMakeBorder(coarse, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    _, groups = cv2.connectedComponents(cv2.dilate(framed, disk), connectivity=8, ltype=cv2.CV_32S)
    joined = np.zeros(len(stats), np.intp)
    for piece in range(1, len(stats)):
        x, y = int(stats[piece, cv2.CC_STAT_LEFT]), int(stats[piece, cv2.CC_STAT_TOP])
        x += int(np.argmax(numbers[y, x:] == piece))  # a pixel of it, in its first row
        joined[piece] = groups[y // block + reach, x // block + reach]
    return joined


def _parts_of(craft: Thing, name: str, mask: Mask, taken: int, size: tuple[int, ...], specks: bool) -> Iterator[Thing]:
    if not mask.any():
        return
    gap = -1 if name in ONE_A_CRAFT else max(1, round(_PIECE_GAP * max(size)))
    least = 0.0
    for (x, y), window in _pieces(mask, gap):
        area = np.count_nonzero(window)
        least = least or (1.0 if specks else max(4.0, _SPECK * area))
        if area < least:
            return
        taken += 1
        yield Thing(taken, name, window, (craft.corner[0] + x, craft.corner[1] + y), parent=craft.id)
