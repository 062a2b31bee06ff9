"""Rasters of any size, read window by window: pixels, and which of them hold data.

GDAL keeps read blocks in a cache of 5 % of the machine's memory unless told; here it is told. Windows beyond the edge
are padded here, because GDAL's own padding fills wrongly or fails for some kinds of file.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as GdalWindow

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window

CACHE_MB = 64
"""Of GDAL's blocks: more was not faster, less reads tiles twice."""
_RIMS = 0.05
"""Most of an alpha band that is half there: rims of turned pictures, seams of mosaics."""
_LIGHT = re.compile(
    r"\b(near|nir\d?|ir|infra\w*|swir\d?|red|rededge|thermal|pan|green|blue|coastal|yellow|dsm|height)\b"
)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A window's pixels.

    Attributes:
        pixels: (bands, H, W) of the raster's type; 0 outside of the raster.
        valid: bool (H, W): whether the raster holds data there.
    """

    pixels: NDArray[Any]
    valid: NDArray[np.bool_]


@contextmanager
def bounded() -> Iterator[None]:
    """Within it, GDAL's cache is bounded, and writing needs no more memory for a larger raster."""
    with rasterio.Env(GDAL_CACHEMAX=CACHE_MB, GDAL_DISABLE_READDIR_ON_OPEN="FALSE"):
        yield


class Raster:
    """A raster file, open for reading; not for several threads at once.

    Args:
        path: a GeoTIFF, COG, VRT or whatever else GDAL reads.
        zero_is_empty: whether pixels that are 0 in all bands hold no data, as SpaceNet has it; None: where the file
            says nothing of nodata, and its values are whole numbers of two bands or more, or of more than 8 bits.
        georeferenced: refuse a raster without a place on the map.
        wanted: names or numbers of the bands that will be asked for: a number is data, even if it is marked alpha.

    Raises:
        GeoError: it is missing, no raster, without bands or (by `georeferenced`) without CRS.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        zero_is_empty: bool | None = None,
        georeferenced: bool = False,
        wanted: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise GeoError(f"{path}: missing; give a GeoTIFF, COG or VRT")
        if self.path.is_file() and self.path.stat().st_size == 0:
            raise GeoError(f"{path}: is empty (0 bytes); copy it again")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                self._file = rasterio.open(self.path)
        except (RasterioError, OSError) as error:
            raise GeoError(f"{path}: GDAL cannot open it ({error}); give a GeoTIFF, COG or VRT") from error
        file = self._file
        if file.count == 0:
            self.close()
            raise GeoError(f"{path}: has no bands; name one of its subdatasets, or make a GeoTIFF of it")
        self.grid = Grid(
            file.crs.to_wkt() if file.crs else "",
            tuple(float(v) for v in file.transform[:6]),  # type: ignore[arg-type]
            file.height,
            file.width,
        )
        if georeferenced and not self.grid.crs:
            self.close()
            raise GeoError(f"{path}: has no CRS, so it lies nowhere on the map; set one: gdal_edit.py -a_srs EPSG:...")
        if len(set(file.dtypes)) > 1 or np.dtype(file.dtypes[0]).kind not in "uif":
            kinds = ", ".join(sorted(set(file.dtypes)))
            self.close()
            raise GeoError(f"{path}: bands of {kinds} are no picture; make them one real type: gdal_translate -ot")
        self.has_palette = ColorInterp.palette in file.colorinterp
        """Whether its values are numbers of colours."""
        self.alpha = _alpha(file, wanted or ())
        self.bands = [i for i in range(1, file.count + 1) if i not in self.alpha]
        """Numbers of its bands from 1, alpha apart."""
        self.dtype: np.dtype[Any] = np.dtype(file.dtypes[0])
        flags = [set(file.mask_flag_enums[i - 1]) for i in self.bands or self.alpha]
        self.nodata_by = _nodata_by(flags, bool(self.alpha))
        if zero_is_empty is None:
            whole = self.dtype.kind == "u" and (len(self.bands) > 1 or self.dtype.itemsize > 1)
            zero_is_empty = self.nodata_by == "nothing" and whole
        self.zero_is_empty = zero_is_empty

    def __enter__(self) -> Raster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()

    def read(self, window: Window, bands: Sequence[int] | None = None) -> Block:
        """A window, padded where it reaches beyond the raster.

        Args:
            window: of this raster's grid.
            bands: numbers from 1, in the order wanted; None for all but alpha.

        Raises:
            GeoError: a band that is not there, or a file that is damaged there.
        """
        chosen = list(self.bands if bands is None else bands)
        if wrong := [b for b in chosen if not 1 <= b <= self._file.count]:
            raise GeoError(f"{self.path}: has bands 1 to {self._file.count}, not {wrong[0]}")
        pixels = np.zeros((len(chosen), window.height, window.width), self.dtype)
        valid = np.zeros((window.height, window.width), bool)
        inside = window.within(self.grid.height, self.grid.width)
        if inside is not None:
            at = GdalWindow(inside.col, inside.row, inside.width, inside.height)
            place = Window(inside.row - window.row, inside.col - window.col, inside.height, inside.width).slices
            try:
                inner = pixels[:, place[0], place[1]]
                inner[:] = self._file.read(chosen, window=at)
                # Where all bands were asked for, whether all are 0 is seen without reading them again.
                every = self.zero_is_empty and not self.alpha and set(chosen) >= set(self.bands)
                valid[place] = (inner != 0).any(axis=0) if every else self._valid(at)
            except (RasterioError, OSError) as error:
                cure = "the file is cut short or damaged: copy it again"
                if self._file.driver == "VRT":
                    cure = "a file that the mosaic names is missing or damaged: gdalinfo lists them"
                raise GeoError(
                    f"{self.path}: rows {inside.row} to {inside.row + inside.height} cannot be read"
                    f" ({_first_reason(error)}); {cure}"
                ) from error
            if self.dtype.kind == "f":
                finite = np.isfinite(pixels).all(axis=0)
                valid &= finite
                pixels[:, ~finite] = 0
        return Block(pixels, valid)

    def columns_are_cheap(self, rows: int, megabytes: int) -> bool:
        """Whether some columns of some rows can be read one after the other without unpacking blocks anew each time.

        Not where blocks are as wide as the raster and all that the rows touch do not fit into the cache.
        """
        height, width = self._file.block_shapes[0]
        unpacked = (rows + 2 * height) * self.grid.width * self.dtype.itemsize * self._file.count
        return bool(width < self.grid.width or unpacked <= megabytes << 20)

    def sample(self, windows: int = 64, size: int = 256, bands: Sequence[int] | None = None) -> Iterator[Block]:
        """Windows evenly spread over the raster, the same at every call: enough to tell its brightness."""
        every = [
            Window(r, c, min(size, self.grid.height), min(size, self.grid.width))
            for r in _spread(self.grid.height, size, windows)
            for c in _spread(self.grid.width, size, windows)
        ]
        for i in sorted({round(i * (len(every) - 1) / max(1, windows - 1)) for i in range(windows)}):
            yield self.read(every[i], bands)

    def facts(self) -> dict[str, Any]:
        """What a person wants to know of it, as plain JSON values."""
        file = self._file
        return {
            "path": str(self.path),
            "driver": file.driver,
            **self.grid.to_json(),
            "bounds": list(self.grid.bounds),
            "bands": len(self.bands),
            "dtype": str(self.dtype),
            "names": [d or c.name for d, c in zip(file.descriptions, file.colorinterp, strict=True)],
            "nodata": self.nodata_by if not self.zero_is_empty else "0 in all bands",
            "nodata_value": None if file.nodata is None or np.isnan(file.nodata) else file.nodata,
            "blocks": list(file.block_shapes[0]),
            "overviews": list(file.overviews(1)),
            "compression": None if file.compression is None else file.compression.value,
        }

    def alpha_in_doubt(self) -> str:
        """What speaks against the band that is marked alpha being one; empty for nothing.

        An alpha band is 0, or as much as can be, but for the rims of what was turned; infrared is anything.
        """
        if not self.alpha:
            return ""
        number = self.alpha[0]
        values = np.concatenate([block.pixels.ravel() for block in self.sample(9, 64, [number])])
        between = float(((values > 0) & (values < values.max(initial=0))).mean())
        if between < _RIMS:
            return ""
        return (
            f"band {number} is marked alpha, and {between:.0%} of it is neither 0 nor its most: if that is infrared"
            f" or another band of the picture, ask for it by number (--bands {number},...); now 0 in it means no data"
        )

    @property
    def descriptions(self) -> list[str]:
        """A name for each of `bands`: what the file calls it, else its colour; "" where it says neither."""
        plain = {ColorInterp.gray, ColorInterp.undefined}
        every = zip(self._file.descriptions, self._file.colorinterp, strict=True)
        names = [d or ("" if c in plain else c.name) for d, c in every]
        return [names[i - 1] for i in self.bands]

    def _valid(self, at: GdalWindow) -> NDArray[np.bool_]:
        if self.alpha:
            return np.asarray(self._file.read(self.alpha[0], window=at) > 0, bool)
        if self.zero_is_empty:
            return np.asarray((self._file.read(self.bands, window=at) != 0).any(axis=0), bool)
        if self.nodata_by == "nothing":
            return np.ones((at.height, at.width), bool)
        # A pixel holds data where any band does, as GDAL's own dataset mask has it.
        return np.asarray((self._file.read_masks(self.bands, window=at) > 0).any(axis=0), bool)


def _alpha(file: Any, wanted: Sequence[str]) -> list[int]:
    """Numbers of bands that say where there is data.

    Many writers mark the fourth band of a picture as alpha whatever is in it, infrared as often as not: one that the
    file calls by a name of light, or that is asked for by its number, is data.
    """
    asked = {int(w) for w in wanted if w.strip().isdigit()}
    marked = [i for i, c in enumerate(file.colorinterp, 1) if c == ColorInterp.alpha and i not in asked]
    return [i for i in marked if not _LIGHT.search((file.descriptions[i - 1] or "").lower().replace("_", " "))]


def _first_reason(error: BaseException) -> str:
    """What GDAL said first; the library's own error may only point to it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)


def _nodata_by(flags: Sequence[set[MaskFlags]], alpha: bool) -> str:
    if alpha:
        return "alpha"
    if all(MaskFlags.all_valid in f for f in flags):
        return "nothing"
    return "a value" if any(MaskFlags.nodata in f for f in flags) else "a mask"


def _spread(length: int, size: int, count: int) -> list[int]:
    room = max(0, length - size)
    many = min(count, room // size + 1 if room else 1)
    return sorted({round(i * room / max(1, many - 1)) for i in range(max(many, 2 if room else 1))})
