"""A picture of a score: truth and proposals over their images, by what became of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from rasterio.enums import Resampling

from afss_ros.geo.scores.building_score import MIN_IOU, match
from afss_ros.geo.scores.scoring import Scores
from afss_ros.geo.spacenet_tables import Building
from afss_ros.put import put

LARGEST = 9
"""Images in a picture."""
_SIDE = 1400
_COLOURS = {"found": "#21b34b", "false": "#e5352b", "missed": "#ffc20e", "truth": "#2f7bff", "proposed": "#e5352b"}


def draw(scores: Scores, path: str | Path, images: Mapping[str, Path] | None = None, min_iou: float = MIN_IOU) -> None:
    """Draw up to nine images, those with the most shapes: buildings found, false and missed, or roads of both sides.

    Args:
        scores: what `score_files` gave.
        path: of the PNG, which appears whole or not at all.
        images: rasters by image; others are drawn on white.
        min_iou: of the match.
    """
    path = Path(path)
    names = sorted(scores.shown, key=lambda name: -sum(len(side) for side in scores.shown[name]))[:LARGEST]
    columns = min(3, max(1, len(names)))
    rows = max(1, -(-len(names) // columns))
    side = 9 if len(names) <= 1 else 5
    figure = Figure(figsize=(side * columns, side * rows + 0.6), dpi=110, layout="constrained")
    kinds: dict[str, None] = {}
    for index, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, index + 1)
        kinds.update(dict.fromkeys(_panel(axes, scores, name, (images or {}).get(name), min_iou)))
    handles = [Line2D([], [], color=_COLOURS[kind], lw=2, label=kind) for kind in kinds]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.png")
    try:
        figure.savefig(temporary)
        put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _panel(axes: Any, scores: Scores, name: str, image: Path | None, min_iou: float) -> list[str]:
    truth, proposals = scores.shown[name]
    title = name
    if image is not None and not scores.roads:
        picture, height, width = preview(image)
        axes.imshow(picture, extent=(0, width, height, 0), interpolation="nearest")
    if scores.roads:
        if name in scores.roads:
            title += f": APLS {scores.roads[name].score:.3f}"
        sides = {"truth": (truth, 2.5), "proposed": (proposals, 1.2)}
        for kind, (lines, width_) in sides.items():
            _outline(axes, lines, _COLOURS[kind], width_)
        axes.set_aspect("equal")
        axes.autoscale()
        kinds = list(sides)
    else:
        here, there = [Building(shape) for shape in truth], [Building(shape) for shape in proposals]
        found, missed, _ = match(here, there, min_iou=min_iou)
        if scores.buildings is not None:
            counts = scores.buildings.images[name]
            title += f": F1 {counts.f1:.3f} ({counts.tp}/{counts.fp}/{counts.fn})"
            _outline(axes, [truth[i] for i in missed], _COLOURS["missed"], 1.3)
            _outline(axes, [p for p, i in zip(proposals, found, strict=True) if i == -1], _COLOURS["false"], 1.3)
            _outline(axes, [p for p, i in zip(proposals, found, strict=True) if i >= 0], _COLOURS["found"], 1.3)
            kinds = ["found", "false", "missed"]
        else:
            _outline(axes, truth, _COLOURS["truth"], 1.3)
            kinds = ["truth"]
        axes.set_aspect("equal")
        if image is None:
            axes.autoscale()
            axes.invert_yaxis()
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    return kinds


def preview(image: Path) -> tuple[NDArray[np.uint8], int, int]:
    """A small picture of a raster, uint8 (h, w, 3), stretched from percentiles, and its height and width."""
    with rasterio.open(image) as source:
        step = max(1.0, max(source.shape) / _SIDE)
        small = (round(source.height / step) or 1, round(source.width / step) or 1)
        bands = [1, 2, 3] if source.count in (3, 4) else [5, 3, 2] if source.count >= 8 else [1, 1, 1]
        pixels = source.read(bands, out_shape=(3, *small), resampling=Resampling.average).astype(np.float64)
        height, width = source.shape
        seen = pixels[:, (pixels != 0).any(axis=0)]
    if seen.size:
        low, high = np.nanpercentile(seen, 2, axis=1), np.nanpercentile(seen, 98, axis=1)
        pixels = (pixels - low[:, None, None]) / np.maximum(high - low, 1e-9)[:, None, None]
    return np.asarray((np.nan_to_num(pixels).clip(0, 1) * 255).transpose(1, 2, 0), np.uint8), height, width


def _outline(axes: Any, shapes: Iterable[Any], colour: str, width: float) -> None:
    paths = [
        np.asarray(ring.coords)[:, :2]
        for shape in shapes
        for part in getattr(shape, "geoms", [shape])
        for ring in ([part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part])
    ]
    axes.add_collection(LineCollection(paths, colors=colour, linewidths=width))
