"""Shapes on the map, scored on chips: each chip is an image, as SpaceNet's are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
import shapely

from afss_ros import datasets
from afss_ros.geo.chips import Scene
from afss_ros.geo.scores.building_score import BuildingScore, choose_confidence, score_buildings
from afss_ros.geo.scores.pixel_iou import PixelCounts, count_shapes
from afss_ros.geo.scores.scoring import Place
from afss_ros.geo.spacenet_tables import Building
from afss_ros.geo.vectors import Features, read_features, wkt_of

Shapes = Mapping[Path, Features]
"""By scene, in the scene's CRS, `score` among the properties of proposals."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip of a split: its name, the raster that it was cut from, and its place."""

    key: str
    scene: Path
    place: Place


def chips(roots: Sequence[Path], split: str) -> list[Chip]:
    """The chips of a split of sets of `afss geo chip`."""
    found = []
    for root in roots:
        for sample in datasets.load(root):
            if sample.split == split:
                geo = sample.attributes["geo"]
                affine = rasterio.Affine(*geo["affine"])
                place = Place(affine, wkt_of(geo["crs"]), (geo["height"], geo["width"]))
                found.append(Chip(sample.key, Path(geo["source"]), place))
    return found


def truth(scenes: Sequence[Scene], where: Sequence[Chip]) -> dict[Path, Features]:
    """The labels of the scenes that have chips, in the scenes' CRS."""
    crs = {chip.scene: chip.place.crs for chip in where}
    return {
        scene.image: Features([], crs=crs[scene.image])
        if scene.labels is None
        else read_features(scene.labels, crs[scene.image])
        for scene in scenes
        if scene.image in crs
    }


def near(shapes: Features, where: Sequence[Chip]) -> Features:
    """The shapes that touch a chip."""
    frames = shapely.union_all([shapely.box(*chip.place.grid.bounds) for chip in where]) if where else None
    if frames is None or not len(shapes):
        return Features([], crs=shapes.crs)
    shapely.prepare(frames)
    kept = [i for i, shape in enumerate(shapes.geometries) if frames.intersects(shape)]
    return Features([shapes.geometries[i] for i in kept], [shapes.properties[i] for i in kept], shapes.crs)


def on_chips(shapes: Shapes, where: Sequence[Chip]) -> dict[str, list[Building]]:
    """What of the shapes lies on each chip, in its pixels, cut at its frame."""
    trees = {scene: shapely.STRtree(features.geometries) for scene, features in shapes.items()}
    found: dict[str, list[Building]] = {}
    for chip in where:
        features = shapes.get(chip.scene)
        if features is None or not len(features):
            found[chip.key] = []
            continue
        hit = sorted(trees[chip.scene].query(shapely.box(*chip.place.grid.bounds), "intersects").tolist())
        cut = chip.place.to_pixels([features.geometries[i] for i in hit])
        rows = [features.properties[i] for i in hit]
        found[chip.key] = [
            Building(shape, float(row.get("score") or 0.0) if row else 1.0)
            for shape, row in zip(cut, rows, strict=True)
            if shape is not None
        ]
    return found


@dataclass(frozen=True, slots=True)
class Scored:
    """Of one method and seed, on the test's chips; what was chosen was chosen on validation."""

    score: BuildingScore
    validation_f1: float
    threshold: float | None
    pixels: PixelCounts

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        pooled = self.score.pooled
        confidence = self.score.confidence
        return {
            "f1": self.score.f1, "f1_pooled": pooled.f1, "tp": pooled.tp, "fp": pooled.fp, "fn": pooled.fn,
            "cities": {name: {"tp": c.tp, "fp": c.fp, "fn": c.fn, "f1": c.f1}
                       for name, c in self.score.cities.items()},
            "pixel_iou": self.pixels.iou(), "threshold": self.threshold,
            "confidence": None if confidence == float("-inf") else confidence, "validation_f1": self.validation_f1,
        }  # fmt: skip


def score(
    known: Mapping[Path, Features], proposed: Mapping[float | None, Shapes], validation: Sequence[Chip],
    test: Sequence[Chip],
) -> Scored:  # fmt: skip
    """Choose one of several proposals, and the confidence, on validation; score it on the test.

    Args:
        known: the truth.
        proposed: by threshold, or by None where there is one only.
    """
    on_validation, on_test = on_chips(known, validation), on_chips(known, test)
    best: tuple[float, float, float | None] | None = None
    for threshold, shapes in proposed.items():
        found = on_chips(shapes, validation)
        confidence = choose_confidence(on_validation, found)
        f1 = score_buildings(on_validation, found, confidence=confidence).f1
        if best is None or f1 > best[0]:
            best = f1, confidence, threshold
    assert best is not None
    f1, confidence, threshold = best
    found = on_chips(proposed[threshold], test)
    pixels = [
        count_shapes([b.shape for b in on_test[chip.key]],
                     [b.shape for b in found[chip.key] if b.confidence >= confidence], chip.place.shape)
        for chip in test
    ]  # fmt: skip
    total = pixels[0]
    for counts in pixels[1:]:
        total = total + counts
    return Scored(score_buildings(on_test, found, confidence=confidence), f1, threshold, total)
