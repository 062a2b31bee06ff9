"""The classes that the whole package speaks: ids, names and colours, in one table.

A label map is a uint8 array (H, W) of the ids below. Parts (`body`, `panel`, `antenna`) are what a label map
holds; `spacecraft` names the whole craft, the union of its parts, and is what detections carry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BACKGROUND = 0
BODY = 1
PANEL = 2
ANTENNA = 3
SPACECRAFT = 4
UNLABELLED = 255
"""Pixels that nobody decided on: ignored by training and by metrics, never predicted."""


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class: its id in label maps and messages, its name, its display colour (RGB, 0..255)."""

    id: int
    name: str
    color: tuple[int, int, int]


CLASSES: tuple[LabelClass, ...] = (
    LabelClass(BACKGROUND, "background", (0, 0, 0)),
    LabelClass(BODY, "body", (64, 220, 96)),
    LabelClass(PANEL, "panel", (240, 64, 64)),
    LabelClass(ANTENNA, "antenna", (72, 144, 255)),
    LabelClass(SPACECRAFT, "spacecraft", (255, 208, 64)),
)

CLASS_NAMES: dict[int, str] = {c.id: c.name for c in CLASSES}
CLASS_IDS: dict[str, int] = {c.name: c.id for c in CLASSES}
PART_IDS: tuple[int, ...] = (BODY, PANEL, ANTENNA)
"""The ids that a label map uses for pixels of a spacecraft."""

_UNKNOWN_COLOR = (200, 80, 220)


def color_table() -> NDArray[np.uint8]:
    """Display colours by label id: uint8 (256, 3), RGB; ids without a class share one loud colour."""
    table = np.full((256, 3), _UNKNOWN_COLOR, np.uint8)
    for c in CLASSES:
        table[c.id] = c.color
    table[UNLABELLED] = (90, 90, 90)
    return table


def colorize(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn a label map (H, W) into a picture (H, W, 3), RGB."""
    return color_table()[labels]
