"""The values that flow: a `Frame` goes in, a `Perception` comes out.

Pixel coordinates, everywhere in this package: x to the right, y down, continuous, and (0, 0) is the *corner* of the
top left pixel. Pixel (row r, column c) covers [c, c+1) x [r, r+1), so a mask that fills columns 3..5 has x from
3.0 to 6.0 and boxes scale with images without an offset. OpenCV and sensor_msgs/CameraInfo put (0, 0) at that
pixel's *centre*: subtract 0.5 from a box coordinate before projecting it with camera intrinsics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_SECOND = 1_000_000_000
_LAST_SECOND = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One camera image.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        stamp_ns: acquisition time in nanoseconds, in the clock of its source; as recorded, so it may be 0 or negative.
        frame_id: the camera's optical frame (REP 103: z forward, x right, y down).
        source: where it came from, for people and manifests: `<bag>:<topic>` or a path.
        recorded_ns: when a recorder took it, in nanoseconds; 0 where no recorder said.
    """

    image: NDArray[np.uint8]
    stamp_ns: int = 0
    frame_id: str = ""
    source: str = ""
    recorded_ns: int = 0

    def __post_init__(self) -> None:
        image = self.image
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise ValueError(
                f"Frame.image must be a non-empty uint8 array (H, W, 3) in RGB order, got {image.dtype} {image.shape}"
                f" from {self.source or 'an unnamed source'}; convert it with afss_ros.images first"
            )


def seconds_and_nanoseconds(stamp_ns: int) -> tuple[int, int]:
    """A stamp as builtin_interfaces/Time holds it: int32 seconds, uint32 nanoseconds.

    Beyond the last second of int32 the nanoseconds carry on, as drivers that never carry over send them.

    >>> seconds_and_nanoseconds(-5_100_000_000), seconds_and_nanoseconds(2**31 * 10**9)
    ((-6, 900000000), (2147483647, 1000000000))

    Raises:
        ValueError: no such message can hold it.
    """
    sec = min(stamp_ns // _SECOND, _LAST_SECOND)
    nanosec = stamp_ns - sec * _SECOND
    if sec < -_LAST_SECOND - 1 or nanosec >= 1 << 32:
        raise ValueError(f"a stamp of {stamp_ns} ns does not fit into a message: its seconds have 32 bits")
    return sec, nanosec


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One object found in a frame.

    Attributes:
        class_name: a name in `labels.CLASS_NAMES`, or one that the student declares.
        box_xyxy: float32 (4,), x_min, y_min, x_max, y_max in source pixels (corner convention, see the module).
        score: confidence in 0..1.
        mask: optional bool (H, W) in source size.
    """

    class_name: str
    box_xyxy: NDArray[np.float32]
    score: float
    mask: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.box_xyxy.shape != (4,) or self.box_xyxy.dtype != np.float32:
            raise ValueError(
                f"Detection.box_xyxy must be float32 (4,), got {self.box_xyxy.dtype} {self.box_xyxy.shape}"
            )
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"Detection.score must lie in 0..1, got {self.score}")


class Deferred:
    """A label map that is made when it is first asked for: detections do not wait for it, and often nobody asks.

    Args:
        make: gives uint8 (H, W); called again if two threads ask for the first time at once.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], NDArray[np.uint8]]) -> None:
        self._make = make
        self._made: NDArray[np.uint8] | None = None

    def __call__(self) -> NDArray[np.uint8]:
        """The map, the same one every time."""
        made = self._made
        if made is None:
            self._made = made = self._make()
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Perception:
    """What a student sees in one frame.

    Attributes:
        detections: best score first.
        label_map: what `labels` gives, or what makes it.
        class_names: id -> name, as the student declares them; covers `labels` and the detections.
        stamp_ns: the frame's stamp.
        timings_ms: wall time of each stage, by name, in milliseconds.
        craft_confidence: mean probability, in 0..1, that the student gives to the labels of all craft pixels; None when
            it gives none, or sees no craft.
        best_rejected: the best score, in 0..1, that was below the threshold; 0 when there was none.
        rejected: detections below the threshold and above half of it, best score first: nothing to report, but enough
            to go on with where a tracker expects a craft.
        confidence: uint8 (H, W) in source size, the probability x 255 that the student gives to each pixel's label;
            None unless it was asked to keep it.
        presence: the chance, in 0..1, that the frame shows any craft; of tiles, the largest. None of a student that
            gives none.
    """

    detections: tuple[Detection, ...]
    label_map: NDArray[np.uint8] | Deferred | None
    class_names: dict[int, str]
    stamp_ns: int = 0
    timings_ms: dict[str, float] = field(default_factory=dict)
    craft_confidence: float | None = None
    best_rejected: float = 0.0
    rejected: tuple[Detection, ...] = ()
    confidence: NDArray[np.uint8] | None = None
    presence: float | None = None

    @property
    def labels(self) -> NDArray[np.uint8] | None:
        """Label map uint8 (H, W) in source size; None when the student only finds boxes."""
        return self.label_map() if isinstance(self.label_map, Deferred) else self.label_map


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why something is to be doubted: `reasons` has a value in 0..1 for each, and the strongest counts."""

    reasons: dict[str, float]

    @property
    def score(self) -> float:
        """The strongest reason, 0..1."""
        return max(self.reasons.values())

    @property
    def reason(self) -> str:
        """The name of the strongest reason; of equals, the first."""
        return max(self.reasons, key=lambda name: self.reasons[name])
