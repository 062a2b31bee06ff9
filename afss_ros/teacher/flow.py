"""Masks carried through a video by dense optical flow: the propagator of the offline baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.protocols import Rgb

_LONGEST = 320  # pixels at which flow is computed; its cost grows with the area, its use here hardly


class FlowPropagator:
    """Warps each mask from frame to frame along DIS flow (Kroeger et al., ECCV 2016). See `teacher.Propagator`.

    The warped mask stays soft until the end, so that rounding does not add up over the frames.
    """

    def __init__(self) -> None:
        self.provenance: dict[str, object] = {"propagator": "dis-flow", "weights": None}
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def propagate(self, images: Sequence[Rgb], masks: Sequence[NDArray[np.bool_]]) -> list[list[NDArray[np.bool_]]]:
        """See `teacher.Propagator.propagate`."""
        if not masks:
            return [[] for _ in images]
        height, width = images[0].shape[:2]
        scale = min(1.0, _LONGEST / max(height, width))
        size = max(16, round(width * scale)), max(16, round(height * scale))
        columns, rows = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
        soft = [cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) for mask in masks]
        before = _gray(images[0], size)
        carried = [list(masks)]
        for image in images[1:]:
            now = _gray(image, size)
            # From now to before: each pixel of the new frame looks up where it came from.
            flow = self._flow.calc(now, before, None)  # type: ignore[call-overload]
            where = columns + flow[..., 0], rows + flow[..., 1]
            soft = [cv2.remap(mask, *where, cv2.INTER_LINEAR) for mask in soft]
            carried.append([_harden(mask, (width, height)) for mask in soft])
            before = now
        return carried


def _gray(image: Rgb, size: tuple[int, int]) -> NDArray[np.uint8]:
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _harden(mask: NDArray[Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    hard: NDArray[np.bool_] = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR)) >= 0.5
    return hard
