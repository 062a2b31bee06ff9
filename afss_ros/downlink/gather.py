"""The summary of a frame from what a student, a tracker and a calibration say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from afss_ros.downlink.summary import Craft, Summary
from afss_ros.labels import SPACECRAFT
from afss_ros.perception import Perception
from afss_ros.tracking import State, Track
from afss_ros.tracking.placed import Placed

_ORDER = {State.CONFIRMED: 0, State.COASTING: 1, State.TENTATIVE: 2, State.LOST: 3}


def gather(
    perception: Perception,
    size: tuple[int, int],
    doubt: float,
    tracks: Sequence[Track] | None = None,
    placed: Sequence[Placed] = (),
) -> Summary:
    """Summarise a frame of `size` (H, W); without a tracker, by its detections.

    Args:
        tracks: what the tracker says of the frame; None where nobody tracks.
        placed: those of them that have a bearing.
    """
    ids = {name: number for number, name in perception.class_names.items()}
    if tracks is None:
        craft = [_detected(d.class_name, d.box_xyxy, d.score, ids) for d in perception.detections]
    else:
        where = {p.track.serial: p for p in placed}
        ordered = sorted(tracks, key=lambda t: (_ORDER[t.state], -t.score))
        craft = [_tracked(t, where.get(t.serial), ids) for t in ordered]
    return Summary(size, doubt, tuple(craft), perception.labels)


def _detected(name: str, box: NDArray[np.float32], score: float, ids: Mapping[str, int]) -> Craft:
    return Craft(0, State.TENTATIVE.value, ids.get(name, SPACECRAFT), score, np.asarray(box, np.float64))


def _tracked(track: Track, placed: Placed | None, ids: Mapping[str, int]) -> Craft:
    direction = covariance = metres = sigma = None
    if placed is not None:
        direction, covariance = placed.bearing.direction, placed.bearing.covariance
        if placed.position is not None and placed.covariance is not None:
            metres = float(np.linalg.norm(placed.position))
            sigma = float(np.sqrt(direction @ placed.covariance @ direction))
    return Craft(
        track.identity, track.state.value, ids.get(track.class_name, SPACECRAFT), track.score,
        np.asarray(track.box_xyxy, np.float64), track.at_border, track.shared, direction, covariance, metres, sigma,
    )  # fmt: skip
