"""Vector files: whatever lies on disk becomes valid plane shapes in one CRS, and goes back to GeoPackage or GeoJSON.

Coordinates are x, y everywhere (longitude, latitude; easting, northing), whatever order an authority gives its axes.
A feature stays one feature: a building of two parts is a MultiPolygon and counts once.
"""

from __future__ import annotations

import csv
import logging
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError
from afss_ros.geo.vector_files import read_layer
from afss_ros.put import put

Geometry = Any
"""A shapely Polygon, MultiPolygon, LineString or MultiLineString: valid, plane, not empty."""

LON_LAT = "EPSG:4326"
_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON"}
_GEO_COLUMNS = ("polygonwkt_geo", "wkt_geo", "linestringwkt_geo")
_PLAIN_COLUMNS = ("polygonwkt_pix", "wkt_pix", "linestringwkt_pix", "geometry", "wkt", "polygonwkt")
_CRS_CURES = {
    ".csv": "they are pixels of an image",
    ".shp": "put its .prj beside it, or write one: gdalsrsinfo -o wkt1 EPSG:... > NAME.prj",
}
_POLYGONAL, _LINEAR = {3, 6}, {1, 5}  # shapely's type ids
_SEAM = 1e-4
"""Metres within which two halves of a shape that was cut at the antimeridian belong together."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Features:
    """Shapes on one map.

    Attributes:
        geometries: one for each feature, see `Geometry`.
        properties: one dictionary for each, of plain values (None, bool, int, float, str).
        crs: WKT of the coordinates' reference system; "" where the file tells none (pixels of a SpaceNet CSV).
    """

    geometries: list[Geometry]
    properties: list[dict[str, Any]] = field(default_factory=list)
    crs: str = ""

    def __post_init__(self) -> None:
        if not self.properties and self.geometries:
            object.__setattr__(self, "properties", [{} for _ in self.geometries])
        if len(self.geometries) != len(self.properties):
            raise GeoError(f"Features: {len(self.geometries)} geometries and {len(self.properties)} property rows")

    def __len__(self) -> int:
        return len(self.geometries)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """x_min, y_min, x_max, y_max of all, in `crs`; None without features."""
        if not self.geometries:
            return None
        x_min, y_min, x_max, y_max = shapely.total_bounds(np.asarray(self.geometries, object)).tolist()
        return x_min, y_min, x_max, y_max


def read_features(
    path: str | Path,
    to_crs: str | None = None,
    *,
    layer: str | None = None,
    duplicates: Literal["drop", "keep"] = "drop",
) -> Features:
    """The polygons and lines of a GeoJSON, GeoPackage, Shapefile, FlatGeobuf or SpaceNet CSV.

    Heights are left out, invalid rings repaired (a part that is left without area goes), exact duplicates dropped,
    points and empty geometries left out; what was left out is logged. A file of zero bytes has no features. A
    SpaceNet CSV has longitude and latitude where it has a `PolygonWKT_Geo` column, else pixels and no CRS. A GeoJSON of
    which no coordinate can be degrees, as old programs wrote them, is taken for one in `to_crs`; that is said.

    Args:
        path: the file.
        to_crs: WKT, or anything that pyproj takes, of the CRS wanted; None keeps the file's.
        layer: of a file that has several; the first when None.
        duplicates: `keep` where a second copy counts, as among the proposals of a metric.

    Raises:
        GeoError: it is missing, no vector file, cut short, or has no CRS where one is wanted.
    """
    path = Path(path)
    if not path.exists():
        raise GeoError(f"{path}: missing; give a GeoJSON, GeoPackage, Shapefile, FlatGeobuf or SpaceNet CSV")
    if path.is_file() and not _has_content(path):
        _log.info("%s is empty: no features", path)
        return Features([], [], wkt_of(to_crs) if to_crs else wkt_of(LON_LAT))
    if path.suffix.lower() == ".csv":
        raw, rows, crs = _read_csv(path)
    else:
        raw, rows, crs = read_layer(path, layer)
    geometries, kept = _plain(path, raw)
    properties = [rows[index] for index in kept]
    if to_crs is not None and _no_degrees(path, geometries, crs):
        crs = wkt_of(to_crs)
        _log.warning("%s declares no CRS and holds no degrees: taken for coordinates of the raster's own CRS", path)
    if to_crs is not None and (not crs or not _same(crs, to_crs)):
        if not crs:
            raise GeoError(
                f"{path}: its coordinates have no CRS, so they cannot be put on the map; "
                + _CRS_CURES.get(
                    path.suffix.lower(), f"write it anew with one: ogr2ogr -a_srs EPSG:... NEW {path.name}"
                )
            )
        geometries, still = _moved(path, geometries, crs, to_crs)
        properties = [properties[index] for index in still]
    if duplicates == "drop":
        geometries, properties = _without_duplicates(path, geometries, properties)
    return Features(geometries, properties, wkt_of(to_crs) if to_crs is not None else crs)


def write_features(path: str | Path, features: Features, *, append: bool = False) -> None:
    """Write a GeoPackage, which keeps the CRS, or an RFC 7946 GeoJSON, which is in longitude and latitude always.

    Shapes that cross the antimeridian are cut there in GeoJSON (RFC 7946, 3.1.9). Without features there is a layer
    all the same. The file appears whole or not at all, but where it is appended to.

    Args:
        path: its suffix says which, .gpkg or .geojson.
        features: what to write.
        append: to a GeoPackage that this function wrote, of the same columns and CRS.

    Raises:
        GeoError: another suffix, features without a CRS, or a file that cannot be written.
    """
    path = Path(path)
    driver = _DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise GeoError(f"{path}: is to be .gpkg (keeps the CRS) or .geojson (longitude and latitude)")
    if not features.crs:
        raise GeoError(f"{path}: the features have no CRS; pixels of an image go into a SpaceNet CSV")
    if append:
        if driver != "GPKG":
            raise GeoError(f"{path}: only a .gpkg can be appended to")
        _write_ogr(path, features, driver, path.stem, append=path.exists())
        return
    if driver == "GeoJSON":
        features = _on_the_globe(features)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_ogr(temporary, features, driver, path.stem, append=False)
        put(temporary, path)
    except OSError as error:
        raise GeoError(f"{path}: cannot be written ({error})") from error
    finally:
        for left in path.parent.glob(f"{temporary.name}*"):  # GDAL's journals too
            left.unlink(missing_ok=True)


def require_overlap(
    features: Features, bounds: tuple[float, float, float, float], *, vectors: str | Path, raster: str | Path
) -> None:
    """Refuse features that miss a raster altogether: a wrong CRS or the wrong file; none at all is no error.

    Args:
        features: in the raster's CRS.
        bounds: x_min, y_min, x_max, y_max of the raster, in that CRS.
        vectors, raster: for the message.

    Raises:
        GeoError: no feature touches the bounds; says where both lie.
    """
    if (
        not features.geometries
        or shapely.intersects(np.asarray(features.geometries, object), shapely.box(*bounds)).any()
    ):
        return
    assert features.bounds is not None
    cure = "take the labels of this scene, or mend the CRS that one of the two declares"
    if _exchanged(features, bounds):
        cure = "its latitudes and longitudes are exchanged: in a GeoJSON longitude comes first"
    raise GeoError(
        f"{vectors} does not touch {raster}: its shapes lie at {_place(features.bounds, features.crs)}, the raster at"
        f" {_place(bounds, features.crs)}; {cure}"
    )


def _exchanged(features: Features, bounds: tuple[float, float, float, float]) -> bool:
    """Whether the shapes would touch the bounds, had they their latitudes where their longitudes are."""
    if features.bounds is None or not features.crs:
        return False
    degrees = move([shapely.box(*features.bounds)], features.crs, LON_LAT)[0].bounds
    if not np.isfinite(degrees).all() or max(abs(degrees[0]), abs(degrees[2])) > 90:
        return False
    turned = move([shapely.box(degrees[1], degrees[0], degrees[3], degrees[2])], LON_LAT, features.crs)[0]
    return bool(np.isfinite(turned.bounds).all() and shapely.intersects(turned, shapely.box(*bounds)))


def wkt_of(crs: str) -> str:
    """The WKT of anything that pyproj takes for a CRS.

    Raises:
        GeoError: it is none.
    """
    try:
        return str(pyproj.CRS.from_user_input(crs).to_wkt())
    except pyproj.exceptions.CRSError as error:
        raise GeoError(f"'{crs[:80]}' is no CRS ({str(error)[:120]}); give an EPSG code or WKT") from error


def move(geometries: Sequence[Geometry], crs: str, to_crs: str) -> list[Geometry]:
    """Geometries in another CRS, vertex by vertex, x and y in this order; infinite where it does not reach."""
    transformer = pyproj.Transformer.from_crs(_crs(crs), _crs(to_crs), always_xy=True)

    def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(transformer.transform(points[:, 0], points[:, 1]), axis=1)

    return list(shapely.transform(np.asarray(geometries, object), place)) if len(geometries) else []


def _no_degrees(path: Path, geometries: Sequence[Geometry], crs: str) -> bool:
    """Whether a GeoJSON holds metres: without a `crs` member it is read as degrees, whatever it holds."""
    if path.suffix.lower() not in (".geojson", ".json") or not geometries or not _crs(crs).is_geographic:
        return False
    bounds = np.abs(shapely.bounds(np.asarray(geometries, object)))
    return not ((bounds[:, [0, 2]] <= 360) & (bounds[:, [1, 3]] <= 90)).all(axis=1).any()


def _has_content(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(file.read(4096).strip())


def _crs(crs: str) -> pyproj.CRS:
    return pyproj.CRS.from_user_input(crs)


def _same(crs: str, other: str) -> bool:
    # Axis order is of no matter here: x comes first always.
    return crs == other or _crs(crs).equals(_crs(wkt_of(other)), ignore_axis_order=True)


def read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The header and rows of a CSV, blanks around the names of columns and around values left out.

    Raises:
        GeoError: it is no UTF-8 text, has no header, or a row of another length.
    """
    csv.field_size_limit(min(sys.maxsize, 1 << 31))  # a WKT of a coast is longer than the default
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [name.strip() for name in next(reader, [])]
            rows = []
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise GeoError(
                        f"{path}: line {reader.line_num} has {len(cells)} values, the header {len(header)}; a WKT has"
                        ' to stand in quotes ("POLYGON ((...))")'
                    )
                rows.append({name: cell.strip() for name, cell in zip(header, cells, strict=True)})
    except (UnicodeDecodeError, csv.Error) as error:
        raise GeoError(f"{path}: is no CSV in UTF-8 ({error})") from error
    except OSError as error:
        raise GeoError(f"{path}: cannot be read ({error.strerror or error})") from error
    return header, rows


def _read_csv(path: Path) -> tuple[list[Geometry | None], list[dict[str, Any]], str]:
    header, rows = read_rows(path)
    by_name = {name.lower(): name for name in header}
    column = next((by_name[name] for name in (*_GEO_COLUMNS, *_PLAIN_COLUMNS) if name in by_name), None)
    if column is None:
        raise GeoError(
            f"{path}: has no column of shapes (PolygonWKT_Geo, PolygonWKT_Pix or WKT_Pix) among {', '.join(header)}"
        )
    shapes = [from_wkt(path, row[column]) for row in rows]
    properties = [
        {name: _number(row[name]) for name in header if "wkt" not in name.lower() and name != column} for row in rows
    ]
    return shapes, properties, wkt_of(LON_LAT) if column.lower() in _GEO_COLUMNS else ""


def from_wkt(path: Path, text: str) -> Geometry:
    """A shape of a CSV's cell; empty where the cell is.

    Raises:
        GeoError: it is no WKT.
    """
    if not text:
        return shapely.Polygon()
    try:
        return shapely.from_wkt(text)
    except shapely.errors.GEOSException as error:
        raise GeoError(f"{path}: '{text[:60]}' is no WKT ({str(error).strip()})") from error


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else None
    return text or None


def _plain(path: Path, raw: Sequence[Geometry | None]) -> tuple[list[Geometry], list[int]]:
    """Valid plane polygons and lines of all that was read, and the indices of those kept.

    Raises:
        GeoError: there are shapes, and none of them is such a one.
    """
    geometries, kept = [], []
    for index, shape in enumerate(raw):
        good = valid_shape(shape)
        if good is not None:
            geometries.append(good)
            kept.append(index)
    if not kept and (kinds := sorted({s.geom_type for s in raw if s is not None and not shapely.is_empty(s)})):
        raise GeoError(
            f"{path}: none of its {len(raw)} features is a polygon with an area or a line, they are"
            f" {', '.join(kinds)}; give footprints, or the lines of roads"
        )
    if left := len(raw) - len(kept):
        _log.warning("%s: %d of %d features have no polygon and no line, and are left out", path, left, len(raw))
    return geometries, kept


def valid_shape(shape: Geometry | None) -> Geometry | None:
    """The polygonal part of a shape, valid and plane, or, where it has none by its kind, the lines; None without."""
    if shape is None or shapely.is_empty(shape):
        return None
    shape = shapely.force_2d(shape)
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        return None
    kinds = _POLYGONAL if any(part.geom_type.endswith("Polygon") for part in _parts(shape)) else _LINEAR
    if not shapely.is_valid(shape):
        shape = shapely.make_valid(shape)
    parts = [part for part in _parts(shape) if shapely.get_type_id(part) in kinds and not shapely.is_empty(part)]
    if kinds is _LINEAR:
        parts = [part for part in parts if part.length > 0]
    else:
        parts = [part for part in parts if part.area > 0]
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    joined = shapely.MultiPolygon(parts) if kinds is _POLYGONAL else shapely.MultiLineString(parts)
    return joined if shapely.is_valid(joined) else shapely.union_all(parts)


def _parts(shape: Geometry) -> list[Geometry]:
    """The simple parts of a shape, collections in collections taken apart."""
    if hasattr(shape, "geoms"):
        return [part for inner in shape.geoms for part in _parts(inner)]
    return [shape]


def _moved(path: Path, geometries: list[Geometry], crs: str, to_crs: str) -> tuple[list[Geometry], list[int]]:
    """Geometries in another CRS, valid again, and the indices of those kept."""
    moved = move(geometries, crs, to_crs)
    kept, result = [], []
    joined = _crs(crs).is_geographic and _crs(to_crs).is_projected
    for index, (before, after) in enumerate(zip(geometries, moved, strict=True)):
        if joined and _cut_at_antimeridian(before):
            after = shapely.union_all([shapely.make_valid(part) for part in after.geoms], grid_size=_SEAM)
        good = valid_shape(after)
        if good is not None:
            kept.append(index)
            result.append(good)
    if geometries and not result:
        raise GeoError(
            f"{path}: none of its shapes, which lie at {_place(Features(geometries, [], crs).bounds, crs)}, can be put"
            f" into {_crs(to_crs).name}; take the labels of this scene, or mend the CRS that one of the two declares"
        )
    if left := len(geometries) - len(result):
        _log.warning("%s: %d shapes lie where %s does not reach, and are left out", path, left, _crs(to_crs).name)
    return result, kept


def _cut_at_antimeridian(shape: Geometry) -> bool:
    if not shape.geom_type.startswith("Multi"):
        return False
    x_min, _, x_max, _ = shape.bounds
    return bool(x_min <= -180 + 1e-9 and x_max >= 180 - 1e-9)


def _without_duplicates(
    path: Path, geometries: list[Geometry], properties: list[dict[str, Any]]
) -> tuple[list[Geometry], list[dict[str, Any]]]:
    seen: set[bytes] = set()
    kept = []
    for index, shape in enumerate(geometries):
        key = shapely.to_wkb(shapely.normalize(shape))
        if key not in seen:
            seen.add(key)
            kept.append(index)
    if left := len(geometries) - len(kept):
        _log.warning("%s: %d features are exact copies of others, and are left out", path, left)
    return [geometries[i] for i in kept], [properties[i] for i in kept]


def _place(bounds: tuple[float, float, float, float] | None, crs: str) -> str:
    """Where a box lies, in degrees for people; in its own units where there is no way to degrees."""
    if bounds is None:
        return "nowhere"
    try:
        transformer = pyproj.Transformer.from_crs(_crs(crs), _crs(LON_LAT), always_xy=True)
        west, south, east, north = transformer.transform_bounds(*bounds)
        if all(math.isfinite(value) for value in (west, south, east, north)):
            return f"longitude {west:.5f} to {east:.5f}, latitude {south:.5f} to {north:.5f}"
    except pyproj.exceptions.ProjError:
        pass
    return f"x {bounds[0]:.6g} to {bounds[2]:.6g}, y {bounds[1]:.6g} to {bounds[3]:.6g} of {_crs(crs).name}"


def _on_the_globe(features: Features) -> Features:
    """The features in longitude and latitude, those across the antimeridian cut there."""
    moved = move(features.geometries, features.crs, LON_LAT)
    widest = math.inf if _crs(features.crs).is_geographic else 180.0  # what was drawn in degrees was meant so
    geometries, properties = [], []
    for shape, row in zip(moved, features.properties, strict=True):
        good = valid_shape(_cut(shape, widest))
        if good is not None:
            geometries.append(good)
            properties.append(row)
    if left := len(features) - len(geometries):
        raise GeoError(f"{left} of {len(features)} shapes have no place in longitude and latitude; write a .gpkg")
    return Features(geometries, properties, wkt_of(LON_LAT))


def _cut(shape: Geometry, widest: float) -> Geometry:
    """A shape that goes over 180 degrees, in two parts on both sides of it; a wider one jumped over it."""
    parts = []
    for part in _parts(shape):
        x_min, _, x_max, _ = part.bounds
        if x_max - x_min <= widest and x_max <= 180 and x_min >= -180:
            parts.append(part)
            continue
        east = shapely.transform(part, lambda p: np.stack([np.mod(p[:, 0], 360), p[:, 1]], axis=1))
        if not shapely.is_valid(east):
            east = shapely.make_valid(east)
        parts.append(shapely.intersection(east, shapely.box(0, -90, 180, 90)))
        beyond = shapely.intersection(east, shapely.box(180, -90, 360, 90))
        parts.append(shapely.transform(beyond, lambda p: p - np.array([360.0, 0.0])))
    return parts[0] if len(parts) == 1 else shapely.GeometryCollection(parts)


def _write_ogr(path: Path, features: Features, driver: str, layer: str, *, append: bool) -> None:
    names = list(dict.fromkeys(name for row in features.properties for name in row))
    columns, masks = [], []
    for name in names:
        column, mask = _column([row.get(name) for row in features.properties])
        columns.append(column)
        masks.append(mask)
    several = any(shape.geom_type.startswith("Multi") for shape in features.geometries)
    linear = bool(features.geometries) and all(shape.geom_type.endswith("LineString") for shape in features.geometries)
    mixed = not linear and any(shape.geom_type.endswith("LineString") for shape in features.geometries)
    kind = "Unknown" if mixed else ("Multi" if several else "") + ("LineString" if linear else "Polygon")
    options = {"RFC7946": "YES"} if driver == "GeoJSON" else {}
    try:
        pyogrio.raw.write(
            path,
            shapely.to_wkb(np.asarray(features.geometries, object)),
            columns,
            names,
            field_mask=masks,
            layer=layer,
            driver=driver,
            geometry_type=kind,
            promote_to_multi=several and not mixed and driver == "GPKG",
            crs=LON_LAT if driver == "GeoJSON" else features.crs,
            append=append,
            layer_options=options,
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        raise GeoError(f"{path}: cannot be written ({error})") from error


def hand_over(finished: Path, out: Path) -> None:
    """Give a finished GeoPackage its name, or write what it holds in the form that `out` asks for.

    Raises:
        OSError: the folder or the file cannot be made.
        GeoError: it cannot be written in that form.
    """
    if out.suffix.lower() == ".gpkg":
        out.parent.mkdir(parents=True, exist_ok=True)
        put(finished, out)
    else:
        write_features(out, read_features(finished, duplicates="keep"))


def _column(values: list[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """A column in the narrowest type that holds its values, and where it has none."""
    there = [value for value in values if value is not None]
    none = np.asarray([value is None for value in values], bool)
    if there and all(isinstance(value, bool) for value in there):
        return np.asarray([bool(value) for value in values], bool), none
    if there and all(isinstance(value, (int, np.integer)) and abs(int(value)) < 1 << 63 for value in there):
        return np.asarray([0 if value is None else int(value) for value in values], np.int64), none
    if there and all(isinstance(value, (int, float, np.number)) for value in there):
        return np.asarray([np.nan if value is None else float(value) for value in values], np.float64), none
    return np.asarray([None if value is None else str(value) for value in values], object), None
