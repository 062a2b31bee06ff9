"""Scores of files: tables, vectors, rasters or folders of them are brought into pixels and scored."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid
from afss_ros.geo.rasterise import utm
from afss_ros.geo.scores.apls import Apls, apls
from afss_ros.geo.scores.building_score import MIN_AREA, MIN_IOU, BuildingScore, choose_confidence, score_buildings
from afss_ros.geo.scores.pixel_iou import PixelCounts, count_raster, count_shapes
from afss_ros.geo.spacenet_tables import Building, city_of, image_key, is_roads, read_buildings, read_roads
from afss_ros.geo.vectors import Features, move, read_features, require_overlap, wkt_of

_RASTERS = (".tif", ".tiff", ".vrt")
_VECTORS = (".geojson", ".json", ".gpkg", ".shp", ".fgb")
_IMAGE = re.compile(r"(?:AOI_\d+_[A-Za-z]+_)?img\d+")
_SPACENET_PIXEL = 0.3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """The pixels of an image on the map, as far as scores need them.

    Attributes:
        transform: from pixels (corner of the top left one is 0, 0) to the map, rasterio's Affine.
        crs: WKT.
        shape: height and width, pixels.
    """

    transform: Any
    crs: str
    shape: tuple[int, int]

    @property
    def grid(self) -> Grid:
        """The same as a grid."""
        return Grid(self.crs, tuple(float(v) for v in self.transform[:6]), *self.shape)  # type: ignore[arg-type]

    def to_pixels(self, geometries: Sequence[Any]) -> list[Any]:
        """Shapes of the map in pixels, cut at the image's frame; None for each that lies outside."""
        grid = self.grid
        height, width = self.shape
        frame = shapely.box(0, 0, width, height)
        shapes = []
        for shape in geometries:
            pixels = shapely.transform(shape, grid.to_pixels)
            if not pixels.is_valid:
                pixels = shapely.make_valid(pixels)
            kind = "Polygon" if shape.geom_type.endswith("Polygon") else "LineString"
            inside = pixels if frame.contains(pixels) else shapely.intersection(pixels, frame)
            parts = [
                part for part in getattr(inside, "geoms", [inside]) if part.geom_type == kind and not part.is_empty
            ]
            several = shapely.MultiPolygon if kind == "Polygon" else shapely.MultiLineString
            shapes.append(None if not parts else parts[0] if len(parts) == 1 else several(parts))
        return shapes

    def to_map(self, shapes: Sequence[Any]) -> list[Any]:
        """Shapes in pixels on the map."""
        return list(shapely.transform(np.asarray(shapes, object), self.grid.to_map)) if len(shapes) else []


@dataclass(frozen=True)
class Rules:
    """What a score depends on beside the files.

    Attributes:
        min_iou, min_area: of SpaceNet 2's score.
        confidence: proposals less sure are left out; None for all, or what validation tells.
        pixel_size: metres, where no image tells: of tables in pixels, and of areas.
        threshold: of a probability raster, 0 to 1; None for 0.5, or what validation tells.
    """

    min_iou: float = MIN_IOU
    min_area: float = MIN_AREA
    confidence: float | None = None
    pixel_size: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Scores:
    """What was found; what does not apply is None.

    Attributes:
        buildings: SpaceNet 2's score.
        roads: APLS of each image.
        pixels: counts of pixels, of all images.
        chosen: the confidence or threshold that was used, and "given", "validation" or "default".
        shown: by image the polygons or lines of truth and of proposals, in pixels: what the picture draws.
    """

    buildings: BuildingScore | None = None
    roads: dict[str, Apls] = field(default_factory=dict)
    pixels: PixelCounts | None = None
    chosen: tuple[float, str] | None = None
    shown: dict[str, tuple[list[Any], list[Any]]] = field(default_factory=dict)

    @property
    def apls(self) -> float | None:
        """The mean APLS of each city's images, and of these the mean; None without roads."""
        by_city: dict[str, list[float]] = {}
        for image, found in self.roads.items():
            by_city.setdefault(city_of(image), []).append(found.score)
        return float(np.mean([np.mean(scores) for scores in by_city.values()])) if by_city else None

    def to_json(self) -> dict[str, Any]:
        """Everything but the shapes, as plain values."""
        out: dict[str, Any] = {}
        if self.chosen is not None:
            value, why = self.chosen
            out["threshold"] = {"value": value if math.isfinite(value) else None, "chosen": why}
        if self.buildings is not None:
            score = self.buildings
            counts = {
                name: {"tp": c.tp, "fp": c.fp, "fn": c.fn, "precision": c.precision, "recall": c.recall, "f1": c.f1}
                for name, c in {**score.cities, **score.images}.items()
            }
            out["buildings"] = {
                "f1_mean_of_cities": score.f1,
                "f1_pooled": score.pooled.f1,
                "cities": {name: counts[name] for name in score.cities},
                "images": {name: counts[name] for name in score.images},
                "images_without_proposals": score.missing,
                "images_without_truth": score.unknown,
            }
        if self.roads:
            out["roads"] = {
                "apls_mean_of_cities": self.apls,
                "images": {
                    name: {
                        "apls": found.score,
                        "truth_to_proposal": found.truth_to_proposal,
                        "proposal_to_truth": found.proposal_to_truth,
                        "truth_km": found.truth_length / 1000,
                        "proposal_km": found.proposal_length / 1000,
                    }
                    for name, found in self.roads.items()
                },
            }
        if self.pixels is not None:
            value = self.chosen[0] if self.chosen is not None and 0 < self.chosen[0] <= 1 else 0.5
            out["pixel_iou"] = self.pixels.iou(value)
        return out


def score_files(
    proposals: Path,
    truth: Path,
    image: Path | None = None,
    rules: Rules = Rules(),
    validation: tuple[Path, Path, Path | None] | None = None,
) -> Scores:
    """Score a file, or a folder of files, against the truth.

    Args:
        proposals: a SpaceNet table, vectors, a raster of probabilities, or a folder of vectors, one for each image.
        truth: a SpaceNet table or vectors; a folder where the proposals are one.
        image: the raster whose pixels count; a folder of rasters where the proposals are one.
        rules: see `Rules`.
        validation: proposals, truth and image of other ground, on which confidence or threshold are chosen.

    Raises:
        GeoError: a file cannot be read, the two do not belong together, or pixels have no size.
    """
    if proposals.suffix.lower() in _RASTERS:
        return _score_raster(proposals, truth, rules, validation)
    pairs = _pairs(proposals, truth, image, rules)
    if isinstance(pairs, _Roads):
        if validation is not None:
            raise GeoError(f"{proposals}: roads have no confidence that validation could choose; leave it out")
        return _score_roads(pairs)
    chosen = (-math.inf, "default") if rules.confidence is None else (rules.confidence, "given")
    if validation is not None and rules.confidence is None:
        known = _pairs(*validation, rules)
        if isinstance(known, _Roads):
            raise GeoError(f"{validation[0]}: holds roads, {proposals} buildings")
        chosen = choose_confidence(known.truth, known.proposals), "validation"
    found = score_buildings(
        pairs.truth, pairs.proposals, confidence=chosen[0], min_iou=rules.min_iou, min_area=rules.min_area
    )
    shown = {
        name: (
            [building.shape for building in pairs.truth.get(name, [])],
            [b.shape for b in pairs.proposals.get(name, []) if b.confidence >= chosen[0]],
        )
        for name in found.images
    }
    counts = [count_shapes(*shown[name], shape) for name, shape in pairs.shapes.items()]
    return Scores(buildings=found, pixels=_sum(counts), chosen=chosen, shown=shown)


def images_of(image: Path, names: Sequence[str]) -> dict[str, Path]:
    """The rasters of scored images: `image` itself for a single one, or those of a folder."""
    if image.is_dir():
        there = _by_image(image, _RASTERS)
        return {name: there[name] for name in names if name in there}
    return dict.fromkeys(names, image) if len(names) == 1 else {}


def place_of(image: str | Path) -> Place:
    """Where a raster lies.

    Raises:
        GeoError: it cannot be opened, or has no CRS.
    """
    try:
        with rasterio.open(image) as source:
            if source.crs is None:
                raise GeoError(f"{image}: has no CRS, so nothing can be laid on it; give it one (gdal_edit.py -a_srs)")
            return Place(source.transform, wkt_of(source.crs.to_wkt()), source.shape)
    except rasterio.errors.RasterioError as error:
        raise GeoError(f"{image}: cannot be opened as a raster ({error})") from error


@dataclass(frozen=True)
class _Buildings:
    truth: dict[str, list[Building]]
    proposals: dict[str, list[Building]]
    shapes: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class _Roads:
    """Lines in metres by image; the shortest component of the proposals; and which side comes from a table."""

    truth: dict[str, list[Any]]
    proposals: dict[str, list[Any]]
    shortest: float = 5.0
    of_tables: tuple[bool, bool] = (False, False)


def _pairs(proposals: Path, truth: Path, image: Path | None, rules: Rules) -> _Buildings | _Roads:
    tables = [path.suffix.lower() == ".csv" for path in (proposals, truth)]
    if all(tables):
        return _from_tables(proposals, truth, image, rules)
    if proposals.is_dir() or truth.is_dir():
        return _from_folders(proposals, truth, image, rules)
    name = image_key(image.stem) if image is not None else truth.stem if tables[0] else proposals.stem
    if tables[0]:
        return _table_on_map(proposals, truth, image, rules)
    return _from_vectors({name: (proposals, truth, image)}, rules)


def _from_tables(proposals: Path, truth: Path, image: Path | None, rules: Rules) -> _Buildings | _Roads:
    roads = [is_roads(path) for path in (proposals, truth)]
    if roads[0] != roads[1]:
        raise GeoError(f"one of {proposals} and {truth} holds roads (WKT_Pix), the other buildings (PolygonWKT_Pix)")
    if not roads[0]:
        shapes: dict[str, tuple[int, int]] = {}
        return _Buildings(read_buildings(truth), read_buildings(proposals), shapes)
    size = _square(image, rules)
    sides = [
        {name: list(shapely.transform(lines, lambda p: p * size)) if lines else [] for name, lines in found.items()}
        for found in (read_roads(truth), read_roads(proposals))
    ]
    return _Roads(sides[0], sides[1], 10 * float(np.mean(size)), (True, True))


def _square(image: Path | None, rules: Rules) -> np.ndarray[Any, Any]:
    """Metres of a pixel on the ground, in x and in y."""
    if image is not None:
        place = place_of(image)
        height, width = place.shape
        ends = place.to_map(
            [shapely.Point(0, height / 2), shapely.Point(width, height / 2), shapely.Point(width / 2, 0),
             shapely.Point(width / 2, height)]
        )  # fmt: skip
        west, east, north, south = move(ends, place.crs, utm(Features(ends, [], place.crs)))
        return np.array([west.distance(east) / width, north.distance(south) / height])
    if rules.pixel_size is None:
        _log.warning("no image tells the size of a pixel: %g m are taken, SpaceNet's (--pixel-size)", _SPACENET_PIXEL)
    return np.full(2, rules.pixel_size or _SPACENET_PIXEL)


def _table_on_map(proposals: Path, truth: Path, image: Path | None, rules: Rules) -> _Buildings | _Roads:
    """A submission in pixels against one file of vectors: needs the image, and is of that image."""
    if image is None:
        raise GeoError(f"{proposals} is in pixels and {truth} on the map: name the raster (--image)")
    place = place_of(image)
    name = image_key(image.stem)
    found: dict[str, list[Any]] = read_roads(proposals) if is_roads(proposals) else dict(read_buildings(proposals))
    if name not in found:
        raise GeoError(f"{proposals}: has no rows of {name}, the image, but of {', '.join(list(found)[:5])}")
    if is_roads(proposals):
        features = read_features(truth, duplicates="keep")
        lines = Features(place.to_map(found[name]), [], place.crs)
        zone = utm(features if len(features) else lines)
        size = float(np.mean(_square(image, rules)))
        return _Roads(
            {name: move(features.geometries, features.crs, zone)},
            {name: move(lines.geometries, place.crs, zone)},
            10 * size,
            (False, True),
        )
    return _Buildings({name: _buildings(truth, image, place)}, {name: found[name]}, {name: place.shape})


def _from_folders(proposals: Path, truth: Path, image: Path | None, rules: Rules) -> _Buildings | _Roads:
    for path in (proposals, truth, *([image] if image else [])):
        if not path.is_dir():
            raise GeoError(f"{path}: is no folder; proposals, truth and images are folders all, or files all")
    there = {path: _by_image(path, _VECTORS) for path in (proposals, truth)}
    rasters = _by_image(image, _RASTERS) if image else {}
    names = list(dict.fromkeys([*there[truth], *there[proposals]]))
    if not names:
        raise GeoError(f"{proposals} and {truth}: hold no vector files")
    lacking = [name for name in names if image and name not in rasters]
    if lacking:
        raise GeoError(f"{image}: has no raster of {', '.join(lacking[:5])} ({len(lacking)} of {len(names)})")
    return _from_vectors(
        {name: (there[proposals].get(name), there[truth].get(name), rasters.get(name)) for name in names}, rules
    )


def _by_image(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes:
            continue
        match = _IMAGE.search(path.stem)
        name = match.group(0) if match else path.stem
        if name in files:
            raise GeoError(f"{folder}: {files[name].name} and {path.name} are both of {name}; keep one")
        files[name] = path
    return files


def _from_vectors(files: dict[str, tuple[Path | None, Path | None, Path | None]], rules: Rules) -> _Buildings | _Roads:
    roads = _Roads({}, {})
    buildings = _Buildings({}, {}, {})
    for name, (proposals, truth, image) in files.items():
        sides = [read_features(p, duplicates="keep") if p else Features([]) for p in (truth, proposals)]
        first = next((side for side in sides if len(side)), None)
        if first is None:
            buildings.truth[name], buildings.proposals[name] = [], []
            continue
        place = place_of(image) if image else None
        if place is not None:
            for side, path in zip(sides, (truth, proposals), strict=True):
                if path is not None and side.crs:
                    moved = read_features(path, place.crs, duplicates="keep")
                    require_overlap(moved, place.grid.bounds, vectors=path, raster=image or "")
        if first.geometries[0].geom_type.endswith("LineString"):
            zone = utm(first)
            roads.truth[name], roads.proposals[name] = (
                move(side.geometries, side.crs, zone) if len(side) else [] for side in sides
            )
            continue
        if place is None:
            place = _made_up(first, rules, proposals or truth)
        else:
            buildings.shapes[name] = place.shape
        buildings.truth[name] = _buildings(truth, image, place) if truth else []
        buildings.proposals[name] = _buildings(proposals, image, place) if proposals else []
    if roads.truth and buildings.truth:
        raise GeoError("some of the files hold roads, others buildings; score them apart")
    return roads if roads.truth else buildings


def _made_up(features: Features, rules: Rules, path: Path | None) -> Place:
    """Pixels of a declared size over UTM, without a frame."""
    if rules.pixel_size is None:
        raise GeoError(
            f"{path}: buildings are scored in pixels; name the raster (--image) or their size (--pixel-size)"
        )
    endless = 1 << 31
    scale = rasterio.Affine.scale(rules.pixel_size, -rules.pixel_size)
    zone = utm(features)
    corner = rasterio.Affine.translation(-1e8, 1e8)
    return Place(corner * scale, wkt_of(zone), (endless, endless))


def _buildings(path: Path, image: Path | None, place: Place) -> list[Building]:
    features = read_features(path, place.crs, duplicates="keep")
    shapes = place.to_pixels(features.geometries)
    return [
        Building(shape, _sureness(row, path))
        for shape, row in zip(shapes, features.properties, strict=True)
        if shape is not None and shape.geom_type.endswith("Polygon")
    ]


def _sureness(row: dict[str, Any], path: Path) -> float:
    for name, value in row.items():
        if name.lower() in ("confidence", "score") and value is not None:
            try:
                return float(value)
            except ValueError as error:
                raise GeoError(f"{path}: a {name} is '{value}'; it is to be a number") from error
    return 1.0


def _score_roads(pairs: _Roads) -> Scores:
    names = list(dict.fromkeys([*pairs.truth, *pairs.proposals]))
    found = {
        name: apls(
            pairs.truth.get(name, []),
            pairs.proposals.get(name, []),
            shortest=(5.0, pairs.shortest),
            of_tables=pairs.of_tables,
        )
        for name in names
    }
    shown = {name: (pairs.truth.get(name, []), pairs.proposals.get(name, [])) for name in names}
    # Neither side has a road: nothing to find, nothing found.
    return Scores(roads={n: f for n, f in found.items() if f.truth_length or f.proposal_length}, shown=shown)


def _score_raster(raster: Path, truth: Path, rules: Rules, validation: tuple[Path, Path, Path | None] | None) -> Scores:
    chosen = (0.5, "default") if rules.threshold is None else (rules.threshold, "given")
    if validation is not None and rules.threshold is None:
        chosen = _pixels_of(validation[0], validation[1])[0].best_threshold(), "validation"
    counts, shapes = _pixels_of(raster, truth)
    return Scores(pixels=counts, chosen=chosen, shown={raster.stem: (shapes, [])})


def _pixels_of(raster: Path, truth: Path) -> tuple[PixelCounts, list[Any]]:
    place = place_of(raster)
    features = read_features(truth, place.crs)
    require_overlap(features, place.grid.bounds, vectors=truth, raster=raster)
    shapes = [shape for shape in place.to_pixels(features.geometries) if shape is not None]
    return count_raster(raster, shapes), shapes


def _sum(counts: Sequence[PixelCounts]) -> PixelCounts | None:
    total: PixelCounts | None = None
    for found in counts:
        total = found if total is None else total + found
    return total
