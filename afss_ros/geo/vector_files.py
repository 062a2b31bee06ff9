"""Vector files as GDAL reads them: which layer holds the shapes, and what is wrong where it cannot be read."""

from __future__ import annotations

import datetime
import logging
import math
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError

_FORMS = "give a GeoJSON, GeoPackage, Shapefile, FlatGeobuf or SpaceNet CSV"
_SHAPEFILE = struct.Struct(">24xI")
"""Of its header: its length in units of two bytes."""
_log = logging.getLogger(__name__)


def read_layer(path: Path, layer: str | None) -> tuple[list[Any | None], list[dict[str, Any]], str]:
    """Shapes as they are in the file, properties of each, and the WKT of their CRS, "" where there is none.

    Args:
        layer: None for the first with polygons, else with lines, else the first.

    Raises:
        GeoError: it cannot be read, or has no such layer.
    """
    if path.suffix.lower() == ".shp":
        _require_whole_shapefile(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # unclosed rings are closed
            name = _layer(path, layer)
            try:
                meta, _, geometry, columns = pyogrio.raw.read(path, layer=name)
            except UnicodeDecodeError:
                _log.warning("%s: its text is not in the encoding that it tells; read as Latin-1", path)
                meta, _, geometry, columns = pyogrio.raw.read(path, layer=name, encoding="ISO-8859-1")
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        raise GeoError(
            f"{path}: cannot be read as vectors ({str(error).partition(';')[0]}); it is cut short, damaged or of"
            f" another form; {_FORMS}"
        ) from error
    except ValueError as error:
        if isinstance(error, GeoError):
            raise
        raise GeoError(f"{path}: cannot be read as vectors ({error})") from error
    shapes = list(_from_wkb(geometry)) if geometry is not None else []
    names = [str(name) for name in meta["fields"]]
    rows = [{name: _value(column[i]) for name, column in zip(names, columns, strict=True)} for i in range(len(shapes))]
    return shapes, rows, str(pyproj.CRS.from_user_input(meta["crs"]).to_wkt()) if meta["crs"] else ""


def _require_whole_shapefile(path: Path) -> None:
    """GDAL reads what there is of a Shapefile, and leaves out the rest without a word."""
    beside = {other.name.lower() for other in path.parent.iterdir()}
    if f"{path.stem}.shx".lower() not in beside:
        raise GeoError(
            f"{path}: {path.stem}.shx is missing beside it; copy it too, or make it anew:"
            f" ogrinfo --config SHAPE_RESTORE_SHX YES {path.name}"
        )
    with path.open("rb") as file:
        header = file.read(_SHAPEFILE.size)
    size = path.stat().st_size
    if len(header) < _SHAPEFILE.size or size < (told := 2 * _SHAPEFILE.unpack(header)[0]):
        told = told if len(header) == _SHAPEFILE.size else 100
        raise GeoError(f"{path}: is cut short, it has {size} bytes of {told}; copy it again")


def _layer(path: Path, wanted: str | None) -> str:
    layers = {str(name): str(kind) for name, kind in pyogrio.list_layers(path) if kind is not None}
    if not layers:
        raise GeoError(f"{path}: has no layer of shapes; it is cut short or a table without geometry; {_FORMS}")
    if wanted is not None:
        if wanted not in layers:
            raise GeoError(f"{path}: has no layer '{wanted}', but {', '.join(layers)}")
        return wanted
    names = list(layers)
    if len(names) > 1:
        filled = [name for name in names if pyogrio.read_info(path, layer=name)["features"]] or names
        ranks = ("Polygon", "LineString", "Unknown", "")
        names.sort(key=lambda n: (n not in filled, next(i for i, rank in enumerate(ranks) if rank in layers[n])))
        _log.warning("%s has layers %s; %s is read", path, ", ".join(layers), names[0])
    return names[0]


def _from_wkb(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    try:
        return np.asarray(shapely.from_wkb(geometry, on_invalid="fix"), object)  # closes rings; shapely 2.1
    except ValueError:
        return np.asarray(shapely.from_wkb(geometry, on_invalid="ignore"), object)


def _value(value: Any) -> Any:
    """A plain value of a field: NumPy's scalars, NaN, dates and lists are none."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value if isinstance(value, (bool, int, str)) else str(value)
