"""A pinhole camera from a field of view."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from afss_ros.bags import messages
from afss_ros.camera import CameraError, CameraInfo, RegionOfInterest, image_size, is_rectified


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


BINNED = CameraInfo(
    width=640,
    height=480,
    k=np.diag([1500.0, 1500.0, 1.0]),
    p=np.eye(3, 4),
    binning_x=2,
    binning_y=4,
    roi=RegionOfInterest(x_offset=10, y_offset=20, height=400, width=600, do_rectify=True),
)


def test_a_message_keeps_binning_and_region_of_interest() -> None:
    again = CameraInfo.from_message(messages.camera_info(BINNED, 1, "eye"))
    assert (again.binning_x, again.binning_y, again.roi) == (2, 4, BINNED.roi)


def test_the_images_of_a_camera_are_what_it_bins_of_its_region() -> None:
    assert image_size(CameraInfo.pinhole(640, 480, 0.5)) == (640, 480)
    assert image_size(BINNED) == (300, 100)
    assert image_size(messages.camera_info(BINNED, 1)) == (300, 100)
    assert image_size(replace(BINNED, roi=RegionOfInterest())) == (320, 120)
    assert image_size(replace(BINNED, width=0, roi=RegionOfInterest())) is None


def test_a_message_whose_matrix_has_another_size_is_refused_by_name() -> None:
    message = messages.camera_info(BINNED, 1, "eye")
    message.k = np.zeros(8)
    with pytest.raises(CameraError, match="a CameraInfo that is none"):
        CameraInfo.from_message(message)


def test_a_rectified_topic_is_known_by_its_base_name() -> None:
    rectified = ["/left/image_rect", "/left/image_rect_color", "/left/image_rect/compressed"]
    assert [is_rectified(topic) for topic in rectified] == [True] * 3
    assert not any(is_rectified(topic) for topic in ["/rect/image_raw", "/image", "/image/compressed"])
