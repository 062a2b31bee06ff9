"""Pieces of a raster, read once, are what each tile alone would show, whichever way the file's blocks lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from afss_ros.geo import looks as looking
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Window, axis
from afss_ros.geo.looks import looks
from afss_ros.geo.raster import Raster, bounded
from afss_ros.geo.stretch import Stretch
from afss_ros.student.tiling import weights

TONE = Stretch((10.0,) * 3, (240.0,) * 3)


def write(path: Path, height: int, width: int, **profile: Any) -> Path:
    pixels = np.random.default_rng(2).integers(1, 256, (3, height, width)).astype(np.uint8)
    pixels[:, 20:150, 10:180] = 0
    with rasterio.open(
        path, "w", driver="GTiff", count=3, height=height, width=width, dtype="uint8", crs="EPSG:32633",
        transform=rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000), **profile,
    ) as file:  # fmt: skip
        file.write(pixels)
    return path


@pytest.mark.parametrize("cache", [64, 0], ids=["columns", "whole rows"])
@pytest.mark.parametrize(("height", "width", "overlap"), [(330, 410, 32), (70, 300, 0), (300, 50, 48), (200, 230, 20)])
def test_tiles_are_what_they_would_be_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: int, height: int, width: int, overlap: int
) -> None:
    monkeypatch.setattr(looking, "CACHE_MB", cache)
    path = write(tmp_path / "scene.tif", height, width, blockysize=7, compress="deflate")
    rows, cols = (axis(n, 96, overlap, 32) for n in (height, width))
    first = min(1, len(rows.starts) - 1)
    seen: list[tuple[int, int]] = []
    with bounded(), Raster(path) as raster:
        assert raster.columns_are_cheap(96, cache) == (cache > 0)

        def network(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
            return np.asarray(picture.transpose(2, 0, 1), np.float32)

        with looks(lambda: Raster(path), [1, 2, 3], TONE, [network] * 2, rows, cols, first, len(rows.starts)) as found:
            for answer in found:
                block = raster.read(Window(rows.starts[answer.row], cols.starts[answer.col], 96, 96))
                share = weights(rows)[answer.row][:, None] * weights(cols)[answer.col][None, :]
                seen.append((answer.row, answer.col))
                assert (answer.valid[:, :96] == block.valid[:, : answer.valid.shape[1]]).all()
                assert (answer.weighted is None) == (not block.valid.any())
                if answer.weighted is not None:
                    assert (answer.weighted == network(TONE(block)) * share).all()
    assert seen == [(r, c) for r in range(first, len(rows.starts)) for c in range(len(cols.starts))]


def test_a_file_that_is_cut_short_ends_it_with_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", 300, 300, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    rows = cols = axis(300, 96, 16, 32)
    cut = looks(lambda: Raster(path), [1, 2, 3], TONE, [_zeros], rows, cols, 0, len(rows.starts))
    with bounded(), cut as found, pytest.raises(GeoError, match=r"scene.tif: rows .* cannot be read"):
        list(found)


def _zeros(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.zeros((1, *picture.shape[:2]), np.float32)
