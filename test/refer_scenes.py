"""Scenes that can be checked by eye: craft of rectangles on 320 x 240 pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros import labels

HEIGHT, WIDTH = 240, 320
Box = tuple[int, int, int, int]
ONE_CRAFT: tuple[tuple[int, Box], ...] = (
    (labels.BODY, (140, 100, 180, 140)),
    (labels.PANEL, (60, 112, 139, 128)),
    (labels.PANEL, (181, 112, 230, 128)),
    (labels.ANTENNA, (152, 78, 168, 99)),
)
"""A body, a large panel to its left and a smaller one to its right, an antenna on top."""


def label_map(*parts: tuple[int, Box]) -> NDArray[np.uint8]:
    """uint8 (240, 320) of rectangles x0, y0, x1, y1; later ones on top."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (x0, y0, x1, y1) in parts:
        drawn[y0:y1, x0:x1] = number
    return drawn


def two_craft() -> NDArray[np.uint8]:
    """A small craft on the left with one antenna on top, a large one on the right with an antenna below."""
    return label_map(
        (labels.BODY, (40, 60, 60, 80)),
        (labels.PANEL, (20, 66, 39, 74)),
        (labels.ANTENNA, (46, 50, 54, 59)),
        (labels.BODY, (200, 120, 250, 170)),
        (labels.PANEL, (251, 135, 305, 155)),
        (labels.ANTENNA, (215, 171, 235, 190)),
    )
