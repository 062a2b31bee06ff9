"""Scenes that can be checked by eye: craft of rectangles on 320 x 240 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.datasets.pictures import encode_picture
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets import check
from afss_ros.refer.sets.generate import Expression
from afss_ros.refer.sets.references import Reference, reference_to_json, scene_to_json, write_lines

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


def verdicts(scene: Scene, picture: np.ndarray[Any, Any], said: list[Expression], folder: Path) -> list[str]:
    """What the judge says of expressions of a scene, which it reads from files."""
    folder.mkdir(exist_ok=True)
    (folder / "picture.png").write_bytes(encode_picture(picture, ".png"))
    write_lines(folder / "scenes.jsonl", [scene_to_json("a", "picture.png", "", scene)])
    references = [Reference("a", e.text, e.meaning, e.targets, e.kind) for e in said]
    write_lines(folder / "references.jsonl", [reference_to_json(r) for r in references])
    found = check.check(folder)
    doubtful = {judgement.line: judgement.verdict for judgement in found.doubtful}
    return [doubtful.get(line, check.CERTAIN) for line in range(1, len(said) + 1)]
