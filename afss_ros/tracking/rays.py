"""Pixels to directions, through all that a CameraInfo tells of: region of interest, binning, lens, intrinsics."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afss_ros.camera import CameraInfo
from afss_ros.tracking.settings import TrackingError

Array = NDArray[np.float64]
_STEPS = 30
_LENSES = ("plumb_bob", "rational_polynomial", "equidistant", "")


class Rays:
    """The rays of a camera.

    Args:
        info: its calibration.
        rectified: the pictures are rectified already, so `p` describes them and there is no lens to undo.

    Raises:
        TrackingError: it is not calibrated, or its lens is of a model that nobody here knows.
    """

    def __init__(self, info: CameraInfo, *, rectified: bool = False) -> None:
        matrix = info.p[:, :3] if rectified else info.k
        if not (matrix[0, 0] > 0 and matrix[1, 1] > 0) or not np.isfinite(matrix).all():
            raise TrackingError("the camera is not calibrated: its focal lengths in CameraInfo are not above 0")
        self._matrix = np.asarray(matrix, np.float64)
        self._rectify = np.asarray(info.r, np.float64) if rectified and np.any(info.r) else np.eye(3)
        d = np.zeros(0) if rectified else np.asarray(info.d, np.float64)
        self._d = np.pad(d, (0, max(0, 8 - len(d))))[:8] if np.any(d) else np.zeros(0)
        if len(self._d) and info.distortion_model not in _LENSES:
            raise TrackingError(
                f"no lens model {info.distortion_model!r} is known; there are plumb_bob, rational_polynomial and"
                " equidistant, or rectify the pictures first"
            )
        self._fisheye = info.distortion_model == "equidistant"
        self._bin = np.array([max(info.binning_x, 1), max(info.binning_y, 1)], np.float64)
        self._offset = np.array([info.roi.x_offset, info.roi.y_offset], np.float64)

    @property
    def focal(self) -> float:
        """Pixels of the picture, as sent, per radian at the optical axis: the mean of x and y."""
        return float((self._matrix[0, 0] / self._bin[0] + self._matrix[1, 1] / self._bin[1]) / 2)

    def directions(self, pixels: ArrayLike) -> Array:
        """Unit vectors (N, 3) in the camera's optical frame (z forward, x right, y down) of pixels (N, 2).

        Pixels are those of the picture as it was sent, (0, 0) being the corner of the top left one.

        Raises:
            TrackingError: a pixel that the lens cannot have drawn.
        """
        sent = np.asarray(pixels, np.float64).reshape(-1, 2)
        centres = sent * self._bin + self._offset - 0.5  # CameraInfo puts (0, 0) at the first pixel's centre
        k = self._matrix
        y = (centres[:, 1] - k[1, 2]) / k[1, 1]
        x = (centres[:, 0] - k[0, 2] - k[0, 1] * y) / k[0, 0]
        flat = self._undistorted(np.stack([x, y], 1)) if len(self._d) else np.stack([x, y], 1)
        rays = np.concatenate([flat, np.ones((len(flat), 1))], 1)
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        return np.asarray(rays @ self._rectify, np.float64)

    def _undistorted(self, drawn: Array) -> Array:
        """Points in the plane z = 1 that the lens draws at `drawn` (N, 2)."""
        if self._fisheye:
            return self._through_fisheye(drawn)
        points = drawn.copy()
        for _ in range(_STEPS):
            radial, tangential = self._lens(points)
            following = (drawn - tangential) / radial[:, None]
            # Half a step where the lens is strong, for whole ones may swing to and fro.
            points = 0.5 * points + 0.5 * following if np.any(np.abs(radial - 1) > 0.4) else following
        radial, tangential = self._lens(points)
        self._check(points * radial[:, None] + tangential, drawn)
        return np.asarray(points, np.float64)

    def _lens(self, points: Array) -> tuple[Array, Array]:
        k1, k2, t1, t2, k3, k4, k5, k6 = self._d
        x, y = points[:, 0], points[:, 1]
        r2 = x * x + y * y
        radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        tangential = np.stack([2 * t1 * x * y + t2 * (r2 + 2 * x * x), t1 * (r2 + 2 * y * y) + 2 * t2 * x * y], 1)
        return radial, tangential

    def _through_fisheye(self, drawn: Array) -> Array:
        k1, k2, k3, k4 = self._d[:4]
        angle = np.linalg.norm(drawn, axis=1)
        theta = angle.copy()
        for _ in range(_STEPS):
            t2 = theta * theta
            value = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
            slope = 1 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4)))
            theta = theta - (value - angle) / np.where(np.abs(slope) > 1e-6, slope, 1e-6)
        t2 = theta * theta
        self._check(theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4)))), angle)
        if np.any(theta >= np.pi / 2) or np.any(theta < 0):
            raise TrackingError("a pixel looks sideways or back, where a fisheye's picture has no plane before it")
        scale = np.where(angle > 1e-12, np.tan(theta) / np.maximum(angle, 1e-12), 1.0)
        return drawn * scale[:, None]

    def _check(self, again: Array, drawn: Array) -> None:
        if not np.all(np.abs(again - drawn) < 1e-6):  # of a focal length: a thousandth of a pixel
            raise TrackingError("a pixel lies where this camera's distortion cannot be undone; calibrate it anew")
