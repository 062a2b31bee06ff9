"""Bearings and ranges as a CCSDS tracking data message (TDM, CCSDS 503.0-B-2), in its keyword = value form.

A camera's optical frame is none of the standard's angle types, so bearings go as right ascension and declination in a
frame that is named: that of the camera (as agreed between who writes and who reads), or one that the camera's attitude
is known in. A TDM has no field for covariances; the deviation is told in a comment of each craft.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from afss_ros.downlink.errors import DownlinkError

Array = NDArray[np.float64]
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One craft in one frame.

    Attributes:
        stamp_ns: nanoseconds since 1970, UTC.
        direction: float64 (3,), towards the craft, in the frame of the message.
        sigma_rad: standard deviation of the direction.
        metres: its range, if that is known.
    """

    stamp_ns: int
    direction: Array
    sigma_rad: float
    metres: float | None = None


def write(
    craft: Mapping[str, Sequence[Observation]],
    *,
    observer: str,
    frame: str,
    created: datetime,
    originator: str = "AFSS_ROS",
    comments: Iterable[str] = (),
) -> str:
    """The message of some craft, a segment for each, those without observations left out.

    Args:
        craft: observations by the craft's name.
        observer: name of the participant that carries the camera.
        frame: REFERENCE_FRAME of the angles.
        created: CREATION_DATE, UTC.

    Raises:
        DownlinkError: there is nothing to tell, or a name that the form cannot hold.
    """
    segments = {name: sorted(seen, key=lambda o: o.stamp_ns) for name, seen in craft.items() if seen}
    if not segments:
        raise DownlinkError("no bearing is there to be told; record ~/bearings of a node with tracking:=true")
    for name in (observer, frame, originator, *segments):
        if not name or not name.isascii() or not name.isprintable():
            raise DownlinkError(f"a name in a TDM is of printable ASCII, got {name!r}")
    lines = ["CCSDS_TDM_VERS = 2.0", *(f"COMMENT {comment}" for comment in comments)]
    lines += [f"CREATION_DATE = {created:%Y-%m-%dT%H:%M:%S}", f"ORIGINATOR = {originator}"]
    for name, seen in segments.items():
        lines += ["", *_segment(name, seen, observer, frame)]
    return "\n".join(lines) + "\n"


def _segment(name: str, seen: Sequence[Observation], observer: str, frame: str) -> list[str]:
    ranged = any(o.metres is not None for o in seen)
    sigma = float(np.degrees(np.sqrt(np.mean([o.sigma_rad**2 for o in seen]))))
    lines = [
        "META_START",
        "TIME_SYSTEM = UTC",
        f"START_TIME = {date(seen[0].stamp_ns)}",
        f"STOP_TIME = {date(seen[-1].stamp_ns)}",
        f"PARTICIPANT_1 = {observer}",
        f"PARTICIPANT_2 = {name}",
        "MODE = SEQUENTIAL",
        "PATH = 2,1",
        *(["RANGE_MODE = ONE_WAY", "RANGE_UNITS = km"] if ranged else []),
        "ANGLE_TYPE = RADEC",
        f"REFERENCE_FRAME = {frame}",
        "META_STOP",
        "DATA_START",
        f"COMMENT standard deviation of the angles, root mean square: {sigma:.6f} deg",
    ]
    for o in seen:
        x, y, z = o.direction / np.linalg.norm(o.direction)
        at = date(o.stamp_ns)
        lines.append(f"ANGLE_1 = {at} {np.degrees(np.arctan2(y, x)) % 360:.6f}")
        lines.append(f"ANGLE_2 = {at} {np.degrees(np.arcsin(np.clip(z, -1, 1))):.6f}")
        if o.metres is not None:
            lines.append(f"RANGE = {at} {o.metres / 1000:.6f}")
    return [*lines, "DATA_STOP"]


def date(stamp_ns: int) -> str:
    """A stamp as CCSDS writes dates, to the nanosecond."""
    seconds, nanoseconds = divmod(stamp_ns, 10**9)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}"
