"""A pinhole camera from a field of view."""

from __future__ import annotations

import math

import numpy as np
import pytest

from afss_ros.bags import messages
from afss_ros.camera import CameraError, CameraInfo


def test_the_image_edges_lie_half_a_field_of_view_from_the_axis() -> None:
    info = CameraInfo.pinhole(640, 480, math.radians(90))
    focal, centre = info.k[0, 0], info.k[0, 2]
    # In CameraInfo's convention the left edge of the image is at -0.5.
    assert math.degrees(math.atan2(centre - -0.5, focal)) == pytest.approx(45)
    assert (info.k[0, 2], info.k[1, 2]) == (319.5, 239.5)


@pytest.mark.parametrize("fov", [0.0, -1.0, math.pi, 7.0])
def test_a_field_of_view_that_cannot_be_is_refused(fov: float) -> None:
    with pytest.raises(CameraError, match="horizontal_fov"):
        CameraInfo.pinhole(640, 480, fov)


def test_a_message_keeps_the_calibration() -> None:
    info = CameraInfo.pinhole(640, 480, 0.5)
    again = CameraInfo.from_message(messages.camera_info(info, 1, "eye"))
    assert (again.width, again.height, again.distortion_model) == (640, 480, "plumb_bob")
    for field in ("k", "p", "r", "d"):
        assert np.array_equal(getattr(again, field), getattr(info, field))
