"""Bands by name: which numbers of a raster are red, green, blue or infrared; and a PAN and MS pair as one picture."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.raster import Block, Raster

WORLDVIEW = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2")
_ORDERS = {1: ("pan",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "nir"), 8: WORLDVIEW}
_SYNONYMS = {
    "r": "red", "g": "green", "b": "blue", "nir": "nir1", "nir1": "nir1", "grey": "pan", "gray": "pan",
    "redge": "rededge", "coastalblue": "coastal",
}  # fmt: skip


def numbers(raster: Raster, wanted: Sequence[str] | None = None) -> list[int]:
    """The numbers, from 1, of three bands that make a picture.

    Args:
        raster: what its file calls its bands counts first; else eight are WorldView's, four red, green, blue, infrared.
        wanted: names or numbers, three or one; None: red, green, blue, or the only band.

    Raises:
        GeoError: a name that the raster does not have, says which it has; or a raster of a palette's numbers.
    """
    if raster.has_palette:
        raise GeoError(
            f"{raster.path}: its values are numbers of a palette's colours; make colours of them:"
            f" gdal_translate -expand rgb {raster.path.name} NEW.tif"
        )
    known = _known(raster)
    if not wanted:
        if "rgb" not in "".join(k[0] for k in ("red", "green", "blue") if k in known):
            return [raster.bands[0]] * 3 if len(raster.bands) < 3 else raster.bands[:3]
        wanted = ("red", "green", "blue")
    chosen = [_number(raster, known, name) for name in wanted]
    if len(chosen) not in (1, 3):
        raise GeoError(f"{raster.path}: a picture has three bands, or one, got {len(chosen)}: {', '.join(wanted)}")
    return chosen * 3 if len(chosen) == 1 else chosen


def pan_sharpened(sharp: Block, coarse: Block, pan: Grid, ms: Grid, window: Window, part: Window) -> Block:
    """Colours of a coarse raster with the detail of a sharp one: Brovey's ratio, per pixel.

    Args:
        sharp: one band, the pixels of `window`.
        coarse: bands (N, h, w), the pixels of `part`.
        pan, ms: grids of the two rasters, in one CRS.
        window: of `pan`.
        part: of `ms`, which covers it (see `covering`).

    Returns:
        float32 (N, H, W); not valid where either is not.
    """
    import cv2

    rows, cols = np.mgrid[0 : window.height, 0 : window.width]
    centres = np.stack([cols.ravel() + window.col + 0.5, rows.ravel() + window.row + 0.5], axis=1)
    at = ms.to_pixels(pan.to_map(centres))
    x = (at[:, 0] - part.col - 0.5).reshape(rows.shape).astype(np.float32)
    y = (at[:, 1] - part.row - 0.5).reshape(rows.shape).astype(np.float32)
    colours = np.stack(
        [cv2.remap(band.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
         for band in coarse.pixels]
    )  # fmt: skip
    there = cv2.remap(coarse.valid.astype(np.uint8), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    mean = colours.mean(axis=0)
    ratio = np.where(mean > 0, sharp.pixels[0].astype(np.float32) / np.maximum(mean, 1e-6), 0)
    return Block(colours * ratio, sharp.valid & (there > 0))


def covering(pan: Grid, ms: Grid, window: Window, margin: int = 2) -> Window:
    """The pixels of `ms` under a window of `pan`, with a margin for interpolation."""
    corners = np.array(
        [[window.col + x * window.width, window.row + y * window.height] for x in (0, 1) for y in (0, 1)], float
    )
    at = ms.to_pixels(pan.to_map(corners))
    low, high = np.floor(at.min(axis=0)).astype(int) - margin, np.ceil(at.max(axis=0)).astype(int) + margin
    return Window(int(low[1]), int(low[0]), int(high[1] - low[1]), int(high[0] - low[0]))


def _known(raster: Raster) -> dict[str, int]:
    said = [_plain(name) for name in raster.descriptions]
    if not any(name in ("red", "green", "blue", "nir1") for name in said):
        said = [_plain(name) for name in _ORDERS.get(len(raster.bands), ())] or said
    known: dict[str, int] = {}
    for name, band in zip(said, raster.bands, strict=True):
        if name:
            known.setdefault(name, band)
    return known


def _number(raster: Raster, known: dict[str, int], name: str) -> int:
    if name.strip().isdigit():
        number = int(name)
        if number not in raster.bands:
            raise GeoError(f"{raster.path}: has no band {number}; it has {_listed(raster, known)}")
        return number
    if _plain(name) not in known:
        hidden = (
            f"; band {raster.alpha[0]} is marked alpha, and is data if you ask for its number" if raster.alpha else ""
        )
        raise GeoError(f"{raster.path}: has no band '{name}'; it has {_listed(raster, known)}{hidden}")
    return known[_plain(name)]


def _listed(raster: Raster, known: dict[str, int]) -> str:
    names = {number: name for name, number in known.items()}
    return ", ".join(f"{n} ({names[n]})" if n in names else str(n) for n in raster.bands)


def _plain(name: str) -> str:
    short = re.sub(r"[^a-z0-9]", "", name.lower())
    return _SYNONYMS.get(short, short)


def as_rgb(block: Block) -> NDArray[np.float32]:
    """float32 (H, W, 3) of a block of three bands."""
    return np.ascontiguousarray(np.moveaxis(block.pixels, 0, 2), np.float32)
