"""Bearings and ranges: where they point, how wide they are, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.camera import CameraInfo
from afss_ros.labels import BODY, CLASS_NAMES
from afss_ros.perception import Detection
from afss_ros.student.regions import Seen, instance_map, look
from afss_ros.tracking import bearing, ranging
from afss_ros.tracking.rays import Rays
from afss_ros.tracking.settings import TrackingError

RAYS = Rays(CameraInfo.pinhole(200, 150, np.radians(40.0)))


def craft(x: int, y: int, w: int, h: int) -> tuple[np.ndarray, Seen]:
    labels = np.zeros((150, 200), np.uint8)
    labels[y : y + h, x : x + w] = BODY
    box = np.array([x, y, x + w, y + h], np.float32)
    return box, look(labels, [Detection(CLASS_NAMES[4], box, 0.9)])[0]


def test_a_bearing_points_at_the_middle_and_is_wider_along_the_craft() -> None:
    box, seen = craft(60, 70, 80, 10)
    told = bearing.bearing(RAYS, box, seen, at_border=False)
    assert np.allclose(told.direction, RAYS.directions([[100, 75]])[0], atol=1e-6)
    assert told.covariance[0, 0] > 3 * told.covariance[1, 1] > 0
    assert np.allclose(told.covariance @ told.direction, 0, atol=1e-9)


def test_the_error_of_draws_from_the_covariance_is_chi_square_of_two() -> None:
    told = bearing.bearing(RAYS, *craft(20, 30, 30, 20), at_border=False)
    random = np.random.default_rng(0)
    off = random.multivariate_normal(np.zeros(3), told.covariance, 2000)
    errors = [bearing.normalised_error_squared(told, told.direction + one) for one in off]
    assert np.mean(errors) == pytest.approx(2.0, rel=0.1)
    assert np.mean(np.array(errors) < 5.991) == pytest.approx(0.95, abs=0.02)


def test_a_craft_at_the_border_is_flagged_and_wider_and_has_no_range() -> None:
    box, seen = craft(0, 30, 40, 20)
    cut = bearing.bearing(RAYS, box, seen, at_border=True)
    whole = bearing.bearing(RAYS, box, seen, at_border=False)
    assert cut.at_border and cut.sigma_rad == pytest.approx(3 * whole.sigma_rad)
    assert ranging.from_length(40.0, RAYS.focal, 10.0, at_border=True) is None


def test_without_pixels_a_box_is_enough() -> None:
    box, seen = craft(60, 70, 80, 10)
    with_pixels = bearing.bearing(RAYS, box, seen, at_border=False)
    alone = bearing.bearing(RAYS, box, None, at_border=False)
    assert np.allclose(alone.direction, with_pixels.direction, atol=1e-3)
    assert 0.5 < alone.sigma_rad / with_pixels.sigma_rad < 2


def test_twice_the_range_is_half_the_size_and_a_length_must_be_positive() -> None:
    near, far = (ranging.from_length(d, 500.0, 10.0) for d in (96.0, 48.0))
    assert near is not None and far is not None
    assert far.metres / near.metres == pytest.approx(2.0, rel=0.1)
    assert 0.1 * near.metres < near.sigma < 0.3 * near.metres
    with pytest.raises(TrackingError, match="above 0 m"):
        ranging.from_length(96.0, 500.0, 0.0)


def test_depth_gives_the_range_of_the_craft_s_own_pixels() -> None:
    labels = np.zeros((150, 200), np.uint8)
    labels[30:60, 20:60] = labels[30:60, 100:140] = BODY
    boxes = [np.array([20, 30, 60, 60], np.float32), np.array([100, 30, 140, 60], np.float32)]
    owners = instance_map(labels, [Detection(CLASS_NAMES[4], box, 0.9) for box in boxes])
    depth = np.full((150, 200), 500.0, np.float32)
    depth[:, :80], depth[40, 30] = 20.0, np.nan
    told = [ranging.from_depth(depth, owners == number) for number in (1, 2)]
    assert [t.metres for t in told if t] == [20.0, 500.0]
    assert ranging.from_depth(np.full_like(depth, np.nan), owners == 1) is None


def test_a_position_is_as_wide_along_the_ray_as_its_range() -> None:
    told = bearing.bearing(RAYS, *craft(90, 65, 20, 20), at_border=False)
    place, covariance = ranging.position(told.direction, told.covariance, ranging.Range(100.0, 20.0))
    assert np.linalg.norm(place) == pytest.approx(100)
    assert told.direction @ covariance @ told.direction == pytest.approx(400, rel=1e-6)
    assert np.trace(covariance) - 400 == pytest.approx(1e4 * np.trace(told.covariance), rel=1e-6)
