"""python -m examples.geo.questions docs/geo_sam2.jpg: what SAM 2 is asked in training, drawn on a town."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from afss_ros.geo.grid import Grid
from afss_ros.geo.rasterise import instances
from afss_ros.geo.sam2 import prompts
from examples.geo import town

_SIDE = 224


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw boxes, points and corrections, and write the picture."""
    (out,) = sys.argv[1:] if arguments is None else arguments
    drawn, corners = town.draw(_SIDE * 2, 3)
    picture = (drawn[:_SIDE, :_SIDE] / drawn.max() * 255).astype(np.uint8)
    ids = instances([shapely.Polygon(c) for c in corners], Grid("", (1, 0, 0, 0, 1, 0), _SIDE, _SIDE))
    masks = np.array([ids == i for i in np.unique(ids[ids > 0]) if (ids == i).sum() > 200])
    boxes = np.array([(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) for ys, xs in map(np.nonzero, masks)], float)
    rng = np.random.default_rng(1)
    figure = Figure(figsize=(12, 4.2), dpi=110, layout="constrained")
    axes: Any = figure.subplots(1, 3)
    for panel, title in zip(
        axes, ("boxes, a tenth off; on bare ground", "one point", "corrections of an answer"), strict=True
    ):
        panel.imshow(picture)
        panel.set_title(title)
        panel.set_axis_off()
    asked = prompts.jittered(boxes, (_SIDE, _SIDE), rng)
    bare = prompts.bare_ground(ids > 0, boxes[:, 2:] - boxes[:, :2], 4, rng)
    for some, colour in ((asked, "#ffc20e"), (bare, "#e5352b")):
        for x0, y0, x1, y1 in some.tolist():
            axes[0].add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color=colour, lw=1.6))
    axes[1].scatter(*prompts.inside(masks, rng).T, color="#ffc20e", edgecolors="black", s=36)
    found = np.array([cv2.warpAffine(m.astype(np.uint8), _shift(rng), (_SIDE, _SIDE)) > 0 for m in masks])
    more = prompts.corrections(masks, found, rng)
    for mask in found:
        axes[2].contour(mask, [0.5], colors="white", linewidths=1.2)
    for label, colour in ((prompts.INSIDE, "#21b34b"), (prompts.OUTSIDE, "#e5352b")):
        axes[2].scatter(*more.points[more.labels[:, 0] == label][:, 0].T, color=colour, edgecolors="black", s=36)
    for panel in axes:
        panel.set_xlim(0, _SIDE)
        panel.set_ylim(_SIDE, 0)
    figure.savefig(Path(out))


def _shift(rng: np.random.Generator) -> NDArray[np.float32]:
    x, y = rng.uniform(-6, 6, 2)
    return np.array([[1, 0, x], [0, 1, y]], np.float32)


if __name__ == "__main__":
    main()
