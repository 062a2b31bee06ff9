"""Masks carried through a video by what can be seen to move: the propagator of the offline baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.protocols import Rgb

Gray = NDArray[np.uint8]
Soft = NDArray[np.float32]

_LONGEST = 320  # pixels at which motion is computed; its cost grows with the area, its use here hardly
_CORNERS, _QUALITY, _APART = 400, 0.003, 3.0
_LEAST_CORNERS = 6  # an affine map has three; the others are to agree with it
_RETURNS = 1.0  # pixels from where a corner started that it may end when it is tracked there and back
_AGREES = 2.0  # pixels from where the map puts it that a corner may be
_WINDOW = {"winSize": (15, 15), "maxLevel": 4}
_COUNTS = 1.0  # of grey by which the affine map may explain the picture worse: it does not fray the outline


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    """Dense flow of a step, from the new picture to the one before."""

    columns: NDArray[np.float32]
    rows: NDArray[np.float32]

    def warp(self, image: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(cv2.remap(image, self.columns, self.rows, cv2.INTER_LINEAR))


class FlowPropagator:
    """Carries each mask from frame to frame by the better of two motions. See `teacher.Propagator`.

    One is an affine map fitted to the corners inside the mask, tracked there and back (Lucas and Kanade; RANSAC): right
    for what turns little between frames, whatever moves behind it. The other is dense DIS flow (Kroeger et al., ECCV
    2016): right for what turns, but what moves behind drags at the outline. The picture decides: whichever of the two
    turns the pixels inside the mask into those of the next frame.

    Either frays an outline by more than the frame itself is wrong about it, so it has no say in that.

    The warped mask stays soft until the end, so that rounding does not add up over the frames.
    """

    trust = 0.4

    def __init__(self) -> None:
        self.provenance: dict[str, object] = {"propagator": "affine-or-dis-flow", "weights": None}
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def propagate(self, images: Sequence[Rgb], masks: Sequence[NDArray[np.bool_]]) -> list[list[NDArray[np.bool_]]]:
        """See `teacher.Propagator.propagate`."""
        if not masks:
            return [[] for _ in images]
        height, width = images[0].shape[:2]
        scale = min(1.0, _LONGEST / max(height, width))
        size = max(16, round(width * scale)), max(16, round(height * scale))
        soft = [_shrunk(mask, size) for mask in masks]
        before = _gray(images[0], size)
        carried = [list(masks)]
        for image in images[1:]:
            now = _gray(image, size)
            motion = self._dense(before, now)
            flown, corners = motion.warp(before), _tracked(np.max(soft, axis=0), before, now)
            soft = [_carried(mask, before, now, motion, flown, corners) for mask in soft]
            carried.append([_harden(mask, (width, height)) for mask in soft])
            before = now
        return carried

    def _dense(self, before: Gray, now: Gray) -> _Motion:
        # From now to before: each pixel of the new frame looks up where it came from.
        flow = self._flow.calc(now, before, None)  # type: ignore[call-overload]
        rows, columns = np.mgrid[: now.shape[0], : now.shape[1]].astype(np.float32)
        return _Motion(columns + flow[..., 0], rows + flow[..., 1])


def _carried(
    mask: Soft, before: Gray, now: Gray, motion: _Motion, flown: NDArray[Any], corners: NDArray[np.float32]
) -> Soft:
    dense = np.asarray(motion.warp(mask), np.float32)
    affine = _affine(mask, corners)
    if affine is None:
        return dense
    size = now.shape[1], now.shape[0]
    moved = np.asarray(cv2.warpAffine(mask, affine, size), np.float32)
    picture = np.asarray(cv2.warpAffine(before, affine, size), np.uint8)
    return moved if _unexplained(moved, picture, now) <= _unexplained(dense, flown, now) + _COUNTS else dense


def _tracked(anywhere: Soft, before: Gray, now: Gray) -> NDArray[np.float32]:
    """Corners of the pixels in any mask, before and now: float32 (N, 2, 2), x and y."""
    corners: NDArray[Any] | None = cv2.goodFeaturesToTrack(before, _CORNERS, _QUALITY, _APART, mask=_near(anywhere))
    if corners is None:  # OpenCV's word for none
        return np.zeros((0, 2, 2), np.float32)
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None, **_WINDOW)  # type: ignore[call-overload]
    back, returned, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None, **_WINDOW)  # type: ignore[call-overload]
    near = np.abs(back - corners).reshape(-1, 2).max(1) < _RETURNS
    good = (found.ravel() == 1) & (returned.ravel() == 1) & near
    return np.stack([corners[good].reshape(-1, 2), there[good].reshape(-1, 2)], 1)


def _affine(mask: Soft, corners: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """The map (2, 3) of the corners in `mask` from one picture to the next; None where too few say the same."""
    columns, rows = corners[:, 0].astype(np.intp).T
    inside = corners[_near(mask)[rows, columns] > 0]
    if len(inside) < _LEAST_CORNERS:
        return None
    was, now = (np.ascontiguousarray(inside[:, i]) for i in (0, 1))
    affine: Any
    affine, _ = cv2.estimateAffine2D(was, now, method=cv2.RANSAC, ransacReprojThreshold=_AGREES)
    return None if affine is None else np.asarray(affine, np.float64)


def _near(mask: Soft) -> NDArray[np.uint8]:
    """1 in a mask and on the pixels around it, where the corners of its outline are."""
    return np.asarray(cv2.dilate((mask >= 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)), np.uint8)


def _unexplained(mask: Soft, expected: NDArray[Any], now: Gray) -> float:
    """Mean difference in counts between two pictures inside a mask; infinite for a mask that has left the frame."""
    inside = (mask >= 0.5).view(np.uint8)
    return float(cv2.mean(cv2.absdiff(expected, now), mask=inside)[0]) if cv2.countNonZero(inside) else float("inf")


def _gray(image: Rgb, size: tuple[int, int]) -> Gray:
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _shrunk(mask: NDArray[np.bool_], size: tuple[int, int]) -> Soft:
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


def _harden(mask: NDArray[Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    hard: NDArray[np.bool_] = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR)) >= 0.5
    return hard
