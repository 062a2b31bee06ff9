"""The camera does to light what its numbers say."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.synthetic.backgrounds import KINDS
from afss_ros.synthetic.camera import Camera, expose
from afss_ros.synthetic.exposure import draw_camera, metered
from afss_ros.synthetic.noise import crumple_texture, noise_texture

RNG_SEED = 5


def grey(level: float, size: int = 32) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.full((size, size, 3), level, np.float32)


def picture(camera: Camera, radiance: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    return float(expose(camera, radiance, np.random.default_rng(RNG_SEED)).mean())


def test_a_plain_camera_applies_its_gamma_and_nothing_else() -> None:
    assert picture(Camera(gamma=2.0), grey(0.25)) == pytest.approx(127.5, abs=1)
    assert picture(Camera(), grey(0.0)) == 0
    assert picture(Camera(), grey(7.0)) == 255


def test_one_stop_more_is_twice_the_light() -> None:
    assert picture(Camera(gamma=1.0, exposure=2.0), grey(0.2)) == pytest.approx(
        2 * picture(Camera(gamma=1.0), grey(0.2)), abs=2
    )


def test_black_is_raised_by_the_black_level() -> None:
    assert picture(Camera(black=0.15), grey(0.0)) == pytest.approx(0.15 * 255, abs=1)


def test_a_grey_sensor_sees_no_colour() -> None:
    red = grey(0.0)
    red[..., 0] = 0.5
    seen = expose(Camera(grey=True), red, np.random.default_rng(0))
    assert (seen[..., 0] == seen[..., 1]).all() and (seen[..., 1] == seen[..., 2]).all()


def test_bloom_spreads_light_beyond_a_bright_spot_and_blur_spreads_it_evenly() -> None:
    spot = grey(0.0, 64)
    spot[30:34, 30:34] = 10.0
    assert picture(Camera(bloom=0.5, bloom_size=0.1), spot) > 2 * picture(Camera(), spot)
    blurred = expose(Camera(defocus=3.0), spot, np.random.default_rng(0))
    assert blurred[32, 40].max() > 0 and expose(Camera(), spot, np.random.default_rng(0))[32, 40].max() == 0


def test_read_noise_has_the_stated_size() -> None:
    noisy = expose(Camera(black=0.3, read_noise=0.02), grey(0.0, 128), np.random.default_rng(1))
    assert noisy.std() == pytest.approx(0.02 * 255, rel=0.1)


def test_metering_brings_a_dim_craft_up() -> None:
    dim = grey(0.02)
    craft = np.ones((32, 32), bool)
    exposures = [metered(np.random.default_rng(seed), Camera(), dim, craft, "stars").exposure for seed in range(40)]
    assert max(exposures) > 5.0 and min(exposures) == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_cameras_give_pictures_that_are_not_all_one_value(kind: str) -> None:
    ramp = np.linspace(0, 1.5, 64 * 64 * 3, dtype=np.float32).reshape(64, 64, 3)
    for seed in range(15):
        rng = np.random.default_rng(seed)
        seen = expose(draw_camera(rng, kind), ramp, rng)
        assert seen.shape == (64, 64, 3) and seen.dtype == np.uint8
        assert int(seen.max()) - int(seen.min()) > 10


@pytest.mark.parametrize("texture", [noise_texture(128), crumple_texture(128)])
def test_textures_tile_without_a_seam(texture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    values = texture[..., :2].astype(int)
    seam = np.abs(values[0] - values[-1]).mean()
    inside = np.abs(values[64] - values[63]).mean()
    assert seam < 3 * inside + 3
