"""The camera behind an image: intrinsics as sensor_msgs/CameraInfo states them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, SupportsFloat

import numpy as np
from numpy.typing import NDArray

PLUMB_BOB = "plumb_bob"
"""Five coefficients k1, k2, t1, t2, k3 (Brown-Conrady), the name in sensor_msgs/distortion_models.hpp."""


class CameraError(ValueError):
    """A camera model that cannot be."""


class CameraInfoMessage(Protocol):
    """The fields of sensor_msgs/msg/CameraInfo that matter here; rclpy's and rosbags' messages both have them."""

    height: int
    width: int
    distortion_model: str
    d: Sequence[SupportsFloat]
    k: Sequence[SupportsFloat]
    r: Sequence[SupportsFloat]
    p: Sequence[SupportsFloat]
    binning_x: int
    binning_y: int
    roi: Any


@dataclass(frozen=True, slots=True)
class RegionOfInterest:
    """The part of the sensor that the images show, in unbinned pixels; width and height 0: all of it."""

    x_offset: int = 0
    y_offset: int = 0
    height: int = 0
    width: int = 0
    do_rectify: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class CameraInfo:
    """A calibrated camera; pixel (0, 0) is the *centre* of the top left pixel here, as in CameraInfo and OpenCV.

    Attributes:
        width, height: size in pixels of the sensor's full, unbinned image, which k and p describe (REP 104).
        k: float64 (3, 3), intrinsics of the raw image, pixels.
        p: float64 (3, 4), projection matrix of the rectified image, pixels.
        r: float64 (3, 3), rectification rotation.
        d: float64 (n,), distortion coefficients of `distortion_model`.
        binning_x, binning_y: how many pixels the camera makes one of; 0 means 1.
        roi: which part of the full image it sends.
    """

    width: int
    height: int
    k: NDArray[np.float64]
    p: NDArray[np.float64]
    r: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    d: NDArray[np.float64] = field(default_factory=lambda: np.zeros(5))
    distortion_model: str = PLUMB_BOB
    binning_x: int = 0
    binning_y: int = 0
    roi: RegionOfInterest = RegionOfInterest()

    @classmethod
    def pinhole(cls, width: int, height: int, horizontal_fov: float) -> CameraInfo:
        """An ideal camera without distortion, centred, with square pixels.

        Args:
            width, height: image size in pixels.
            horizontal_fov: angle between the left and right image edges, in radians, above 0 and below pi.
        """
        if not 0.0 < horizontal_fov < math.pi:
            raise CameraError(f"horizontal_fov must lie between 0 and pi radians, got {horizontal_fov}")
        focal = width / (2.0 * math.tan(horizontal_fov / 2.0))
        k = np.array([[focal, 0.0, (width - 1) / 2.0], [0.0, focal, (height - 1) / 2.0], [0.0, 0.0, 1.0]])
        return cls(width, height, k, np.hstack([k, np.zeros((3, 1))]))

    @classmethod
    def from_message(cls, message: CameraInfoMessage) -> CameraInfo:
        """Read a CameraInfo message of rclpy or rosbags.

        Raises:
            CameraError: a matrix of it has another size.
        """
        roi = message.roi
        try:
            return cls(
                width=int(message.width),
                height=int(message.height),
                k=np.asarray(message.k, np.float64).reshape(3, 3),
                p=np.asarray(message.p, np.float64).reshape(3, 4),
                r=np.asarray(message.r, np.float64).reshape(3, 3),
                d=np.asarray(message.d, np.float64),
                distortion_model=message.distortion_model,
                binning_x=int(message.binning_x),
                binning_y=int(message.binning_y),
                roi=RegionOfInterest(
                    int(roi.x_offset), int(roi.y_offset), int(roi.height), int(roi.width), bool(roi.do_rectify)
                ),
            )
        except (TypeError, ValueError) as err:
            raise CameraError(f"a CameraInfo that is none: {err}") from err


class _Described(Protocol):
    """What `image_size` reads of a CameraInfo, ours or a message."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def binning_x(self) -> int: ...
    @property
    def binning_y(self) -> int: ...
    @property
    def roi(self) -> Any: ...


def image_size(info: _Described) -> tuple[int, int] | None:
    """Width and height of the images that `info` describes, after region of interest and binning; None if it says 0."""
    width = (info.roi.width or info.width) // max(info.binning_x, 1)
    height = (info.roi.height or info.height) // max(info.binning_y, 1)
    return (width, height) if width and height else None


def is_rectified(topic: str) -> bool:
    """Whether the images of a topic are rectified already, as its base name says (image_proc): `image_rect...`."""
    return "rect" in topic.removesuffix("/compressed").rsplit("/", 1)[-1]
