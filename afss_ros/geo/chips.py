"""From a scene and its labels to a data set of the package's own form, whose every chip can be put back on the map.

A chip's `attributes["geo"]` holds source, window, CRS, affine, bands and stretch; the set's provenance holds what is
common to all. Label ids are 0 ground, 1 the object, then boundary and contact where wanted; 255 where there is no data.
To the rest of the package a whole object is what a spacecraft is elsewhere: an instance, and what boxes go around.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import yaml
from numpy.typing import NDArray

from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.form import WHOLE, Instance
from afss_ros.datasets.keys import safe_key
from afss_ros.datasets.writer import DatasetWriter
from afss_ros.geo import bands, rasterise, stretch
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.raster import Block, Raster, bounded
from afss_ros.geo.stretch import Stretch
from afss_ros.geo.vectors import Features, read_features, require_overlap
from afss_ros.labels import UNLABELLED

_log = logging.getLogger(__name__)

RECIPE = "train.yaml"
"""Name, in a set, of the recipe that `afss train --data SET` takes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A raster, its labels, and what a pan-sharpened picture needs besides.

    Attributes:
        image: the raster; with `ms`, the sharp one.
        labels: a vector file; None where nobody looked.
        ms: the raster of colours of a pair.
        name: what its chips are called after; the image's file name when "".
        missing: whether the label file is known to be missing for want of objects.
    """

    image: Path
    labels: Path | None = None
    ms: Path | None = None
    name: str = ""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """How scenes are cut.

    Attributes:
        size, overlap: of chips, pixels.
        object_name: of label id 1.
        boundary, contact: widths in pixels of these classes (see `rasterise`); 0 for none.
        road_metres: lines become surfaces reaching so far to each side.
        wanted: names or numbers of bands; see `bands.numbers`.
        least_valid: chips with less of their pixels holding data are left out.
        zero_is_empty: see `Raster`.
    """

    size: int = 512
    overlap: int = 64
    object_name: str = "building"
    boundary: int = 0
    contact: int = 0
    road_metres: float = 2.0
    wanted: tuple[str, ...] = ()
    least_valid: float = 0.05
    zero_is_empty: bool | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the label ids 1, 2, ..."""
        extra = [n for n, w in (("boundary", self.boundary), ("contact", self.contact)) if w]
        return (self.object_name, *extra)


def chip(
    scenes: Sequence[Scene],
    out: Path,
    cut: Cut,
    tone: Stretch | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Cut scenes into a data set at `out`; one that was begun is completed.

    Args:
        tone: of the set; None estimates it from all scenes.
        report: called with scenes done and their number.

    Returns:
        How many chips the set has.

    Raises:
        GeoError: a scene cannot be read, has no CRS, or its labels lie elsewhere.
    """
    if not scenes:
        raise GeoError("no scene to cut; name a raster")
    if cut.size % 32 or cut.size < 32:
        raise GeoError(f"a chip's side is a multiple of 32 pixels, which networks halve five times, got {cut.size}")
    with bounded():
        for scene in scenes:  # before anything is written
            with _open(scene, cut) as raster:
                if scene.ms is None:
                    bands.numbers(raster, cut.wanted)
                if doubt := raster.alpha_in_doubt():
                    _log.warning("%s: %s", scene.image, doubt)
        images = ", ".join(str(scene.image) for scene in scenes[:3]) + (", ..." if len(scenes) > 3 else "")
        tone = tone or stretch.estimate(_samples(scenes, cut), where=images)
        provenance = {"geo": {"stretch": tone.to_json(), "bands": list(cut.wanted), "parts": list(cut.parts)}}
        names = dict(enumerate(("background", *cut.parts, WHOLE)))
        first = _labels(scenes[0], cut)
        with DatasetWriter(out, class_names=names, provenance=provenance) as writer:
            for done, scene in enumerate(scenes):
                _cut_scene(scene, first if done == 0 else _labels(scene, cut), writer, cut, tone)
                report(done + 1, len(scenes))
            count = len(writer)
    if not count:
        raise GeoError(f"{scenes[0].image}: no chip holds data; is zero, or its nodata value, right? See afss geo info")
    write_atomically(out / RECIPE, recipe(out, cut).encode())
    return count


def recipe(root: Path, cut: Cut) -> str:
    """A recipe for `afss train` that suits chips: crops at their own scale, the parts' names, tiles to validate."""
    size = min(cut.size, 256)
    document: dict[str, Any] = {
        "data": {"train": [str(root)], "size": size, "validation_size": size, "validation_tiled": True},
        "augment": {"native": 1.0, "scale": [0.8, 1.25], "centre_on_craft": 0.3, "gamma": [0.8, 1.25],
                    "gain": [0.8, 1.25]},
        "student": {"name": "unet-tiled", "parts": list(cut.parts), "box_head": False},
        "optimiser": {"ema": 0.98},
        "batch": 8,
        "loss": {"class_weights": [1.0, 1.0, 1.5, 2.0][: len(cut.parts) + 1] if len(cut.parts) > 1 else []},
    }  # fmt: skip
    return "# Made by afss geo chip; see docs/training.md for every key.\n" + yaml.safe_dump(document, sort_keys=False)


def read_pair(pan: Raster, ms: Raster, window: Window, wanted: Sequence[int]) -> Block:
    """A pan-sharpened window of a pair: see `bands.pan_sharpened`."""
    part = bands.covering(pan.grid, ms.grid, window)
    return bands.pan_sharpened(pan.read(window, pan.bands[:1]), ms.read(part, wanted), pan.grid, ms.grid, window, part)


def _cut_scene(scene: Scene, features: Features | None, writer: DatasetWriter, cut: Cut, tone: Stretch) -> None:
    with _open(scene, cut) as raster:
        if features is not None:
            features = Features(*_moved(features, raster.grid), raster.grid.crs)
            require_overlap(features, raster.grid.bounds, vectors=scene.labels or "", raster=scene.image)
        tree = None if features is None else shapely.STRtree(features.geometries)
        name = safe_key(scene.name or scene.image.stem).replace("/", "_")
        for window, block in _blocks(scene, raster, cut):
            key = f"{name}_{window.row:06d}_{window.col:06d}"
            if key in writer or block.valid.mean() < cut.least_valid:
                continue
            grid = raster.grid.part(window)
            labels, found = None, None
            if tree is not None and features is not None:
                touching = tree.query(shapely.box(*grid.bounds), "intersects")
                shapes = [features.geometries[i] for i in sorted(touching.tolist())]
                labels, found = label_map(shapes, grid, block.valid, cut)
            attributes = {
                "geo": {
                    "source": str(scene.image),
                    "window": [window.row, window.col, window.height, window.width],
                    **grid.to_json(),
                    "stretch": tone.to_json(),
                    "bands": list(cut.wanted),
                }
            }
            parts = None if labels is None else cut.parts
            writer.add(key, tone(block), labels, found, "train", "", attributes, "png", parts=parts)


def label_map(
    shapes: Sequence[Any], grid: Grid, valid: NDArray[np.bool_], cut: Cut
) -> tuple[NDArray[np.uint8], list[Instance]]:
    """The label map uint8 (H, W) of one chip, and its objects."""
    ids = rasterise.instances(shapes, grid)
    labels = (ids > 0).astype(np.uint8)
    for number, name in enumerate(cut.parts[1:], 2):
        where = rasterise.boundary(ids, cut.boundary) if name == "boundary" else rasterise.contact(ids, cut.contact)
        labels[where] = number
    labels[~valid] = UNLABELLED
    ids[~valid] = 0
    found = [Instance.from_mask(WHOLE, ids == i) for i in np.unique(ids[ids > 0]).tolist()]
    return labels, found


def _moved(features: Features, grid: Grid) -> tuple[list[Any], list[dict[str, Any]]]:
    from afss_ros.geo.vectors import move

    return move(features.geometries, features.crs, grid.crs), features.properties


def _labels(scene: Scene, cut: Cut) -> Features | None:
    if scene.labels is None:
        return Features([], [], "EPSG:4326") if scene.missing else None
    with _open(scene, cut) as raster:
        features = read_features(scene.labels, raster.grid.crs)
    return rasterise.roads(features, cut.road_metres)


def _open(scene: Scene, cut: Cut) -> Raster:
    return Raster(scene.image, zero_is_empty=cut.zero_is_empty, georeferenced=True, wanted=cut.wanted)


def _blocks(scene: Scene, raster: Raster, cut: Cut) -> Iterator[tuple[Window, Block]]:
    if scene.ms is None:
        chosen = bands.numbers(raster, cut.wanted)
        for window in raster.grid.windows(cut.size, cut.overlap):
            yield window, raster.read(window, chosen)
        return
    with Raster(scene.ms, zero_is_empty=cut.zero_is_empty, georeferenced=True, wanted=cut.wanted) as ms:
        chosen = bands.numbers(ms, cut.wanted)
        for window in raster.grid.windows(cut.size, cut.overlap):
            yield window, read_pair(raster, ms, window, chosen)


def _samples(scenes: Sequence[Scene], cut: Cut) -> Iterator[Block]:
    each = max(1, 64 // len(scenes))
    for scene in scenes:
        with _open(scene, cut) as raster:
            if scene.ms is None:
                yield from raster.sample(each, bands=bands.numbers(raster, cut.wanted))
                continue
            whole = [block for i, (_, block) in enumerate(_blocks(scene, raster, cut)) if i < each]
            yield from whole
