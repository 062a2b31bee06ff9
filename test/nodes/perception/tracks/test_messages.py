"""A craft's place as a frame on /tf, and depth images as metres."""

from __future__ import annotations

import array
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from afss_ros.nodes.perception.tracks.depth_input import metres
from afss_ros.nodes.perception.tracks.messages import transforms
from afss_ros.tracking.bearing import Bearing
from afss_ros.tracking.placed import Placed

HEADER = Header(stamp=Time(sec=5, nanosec=7), frame_id="eye")


def placed(identity: int, position: Any) -> Placed:
    ray = Bearing(np.array([0.0, 0.0, 1.0]), np.eye(3), False, 1.0)
    return Placed(cast(Any, SimpleNamespace(identity=identity)), ray, position, None if position is None else np.eye(3))


def test_each_craft_with_a_place_is_a_frame_below_the_camera() -> None:
    found = transforms([placed(3, np.array([1.0, -2.0, 30.0])), placed(4, None), placed(12, np.zeros(3))], HEADER)
    assert [t.child_frame_id for t in found] == ["eye/craft_3", "eye/craft_12"]
    first = found[0]
    assert first.header == HEADER
    where, turned = first.transform.translation, first.transform.rotation
    assert (where.x, where.y, where.z) == (1.0, -2.0, 30.0)
    # How it is turned nobody knows: as the camera is, and in any case a rotation.
    assert (turned.x, turned.y, turned.z, turned.w) == (0.0, 0.0, 0.0, 1.0)


def depth(values: Any, encoding: str, padding: int = 0, big: bool = False) -> Image:
    rows = np.array(values, np.float32 if encoding == "32FC1" else np.uint16)
    rows = rows.astype(rows.dtype.newbyteorder(">" if big else "<"))
    padded = np.concatenate([rows.view(np.uint8), np.full((len(rows), padding), 9, np.uint8)], 1)
    return Image(
        height=rows.shape[0], width=rows.shape[1], encoding=encoding, step=padded.shape[1], is_bigendian=int(big),
        data=array.array("B", padded.tobytes()),
    )  # fmt: skip


@pytest.mark.parametrize("big", [False, True])
def test_both_encodings_of_depth_are_metres_and_what_is_unknown_is_no_number(big: bool) -> None:
    expected = [[1.5, np.nan, 20.0], [0.25, 3.0, np.nan]]
    floats = depth([[1.5, np.nan, 20.0], [0.25, 3.0, -1.0]], "32FC1", padding=4, big=big)
    whole = depth([[1500, 0, 20_000], [250, 3000, 0]], "16UC1", padding=2, big=big)
    for message in (floats, whole):
        found = metres(message)
        assert found is not None and np.allclose(found, expected, equal_nan=True)


def test_what_is_no_depth_or_cut_short_is_none() -> None:
    whole = depth([[1.0, 2.0]], "32FC1")
    for change in ({"encoding": "mono8"}, {"step": 7}, {"step": 4}, {"height": 3}, {"width": 0}):
        message = depth([[1.0, 2.0]], "32FC1")
        for name, value in change.items():
            setattr(message, name, value)
        assert metres(message) is None
    assert metres(whole) is not None
