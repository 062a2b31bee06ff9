"""Pixels become directions through region of interest, binning and every lens model, as OpenCV draws them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.camera import CameraInfo, RegionOfInterest
from afss_ros.tracking.rays import Rays
from afss_ros.tracking.settings import TrackingError

INFO = CameraInfo.pinhole(640, 480, np.radians(60.0))
POINTS = np.array([[0.0, 0.0, 2.0], [0.5, 0.3, 2.0], [-0.8, 0.5, 2.0], [0.9, -0.6, 2.0]])
TRUE = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)
LENSES = {
    "plumb_bob": [-0.28, 0.09, 0.001, -0.0007, -0.01],
    "rational_polynomial": [0.4, -0.2, 0.001, 0.0005, 0.02, 0.7, -0.25, 0.05],
    "equidistant": [-0.02, 0.005, -0.002, 0.0004],
}


def drawn(name: str) -> NDArray[np.float64]:
    """Where OpenCV's camera draws the points, (0, 0) being a pixel's centre."""
    d = np.array(LENSES[name])
    if name == "equidistant":
        pixels = cv2.fisheye.projectPoints(POINTS[:, None], np.zeros(3), np.zeros(3), INFO.k, d)[0]
    else:
        pixels = cv2.projectPoints(POINTS, np.zeros(3), np.zeros(3), INFO.k, d)[0]
    return np.asarray(pixels, np.float64).reshape(-1, 2)


@pytest.mark.parametrize("name", LENSES)
def test_a_lens_is_undone_as_opencv_does_it(name: str) -> None:
    rays = Rays(replace(INFO, distortion_model=name, d=np.array(LENSES[name])))
    assert np.allclose(rays.directions(drawn(name) + 0.5), TRUE, atol=1e-7)


def test_region_of_interest_and_binning_are_undone() -> None:
    full = drawn("plumb_bob") + 0.5  # corner convention
    info = replace(
        INFO, d=np.array(LENSES["plumb_bob"]), binning_x=2, binning_y=4,
        roi=RegionOfInterest(x_offset=32, y_offset=64, height=400, width=600),
    )  # fmt: skip
    sent = (full - [32, 64]) / [2, 4]
    assert np.allclose(Rays(info).directions(sent), TRUE, atol=1e-7)


def test_rectified_pictures_have_the_projection_matrix_and_no_lens() -> None:
    p = np.array([[500.0, 0, 300, 0], [0, 500, 200, 0], [0, 0, 1, 0]])
    rays = Rays(replace(INFO, p=p, d=np.array(LENSES["plumb_bob"]), distortion_model="unheard_of"), rectified=True)
    assert np.allclose(rays.directions([[300.5, 200.5]]), [[0, 0, 1]])
    assert rays.focal == 500


def test_the_middle_of_the_picture_lies_on_the_axis() -> None:
    assert np.allclose(Rays(INFO).directions([[320.0, 240.0]]), [[0, 0, 1]])


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (replace(INFO, k=np.zeros((3, 3))), "not calibrated"),
        (replace(INFO, d=np.ones(5), distortion_model="spherical"), "no lens model 'spherical'"),
    ],
)
def test_a_camera_that_tells_nothing_is_refused(info: CameraInfo, reason: str) -> None:
    with pytest.raises(TrackingError, match=reason):
        Rays(info)


def test_a_pixel_that_no_lens_can_have_drawn_is_refused() -> None:
    rays = Rays(replace(INFO, d=np.array([-0.9, 0.0, 0.0, 0.0, 0.0])))
    with pytest.raises(TrackingError, match="cannot be undone"):
        rays.directions([[2000.0, 2000.0]])
