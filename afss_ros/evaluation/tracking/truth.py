"""What a rendered recording says is true: read from its bag, frame by frame. See `synthetic.truth` for the topics."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagReader
from afss_ros.camera import CameraInfo
from afss_ros.synthetic import truth as topics

Array = NDArray[np.float64]


class TruthError(ValueError):
    """A recording without what is needed to judge by it."""


@dataclass(slots=True)
class TrueFrame:
    """One frame that has a picture.

    Attributes:
        boxes: float64 (4,) of each craft that is seen, by its number.
        places: float64 (3,), metres, of every craft in the optical frame, by its number.
        sun: float64 (3,), towards the Sun in the optical frame.
        camera: the CameraInfo of the picture.
    """

    boxes: dict[str, Array] = field(default_factory=dict)
    places: dict[str, Array] = field(default_factory=dict)
    sun: Array = field(default_factory=lambda: np.array([0.0, 0.0, -1.0]))
    camera: CameraInfo | None = None
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class TrueFlight:
    """A recording: its frames by stamp in nanoseconds, and the length of each craft in metres."""

    path: Path
    frames: dict[int, TrueFrame]
    lengths: dict[str, float]


def read(path: Path) -> TrueFlight:
    """Read the truth of a recording.

    Raises:
        BagError: it is no bag.
        TruthError: it was not rendered, or by a version that did not record poses.
    """
    wanted = [
        topics.DETECTIONS_TOPIC, topics.CRAFT_TOPIC, topics.SUN_TOPIC, topics.CRAFT_INFO_TOPIC, "/camera/camera_info",
    ]  # fmt: skip
    frames: dict[int, TrueFrame] = {}
    seen: set[int] = set()
    lengths: dict[str, float] = {}
    with BagReader(path) as bag:
        missing = [topic for topic in wanted if topic not in bag.topics]
        if missing:
            raise TruthError(f"{path}: has no {', '.join(missing)}; render it anew with afss render --trajectory")
        for entry in bag.messages(wanted):
            message: Any = bag.deserialize(entry)
            if entry.topic == topics.CRAFT_INFO_TOPIC:
                facts = {pair.key: pair.value for pair in message.status[0].values}
                lengths = {k.split(".")[0]: float(v) for k, v in facts.items() if k.endswith(".length_m")}
                continue
            stamp = stamp_ns(message.header.stamp)
            frame = frames.setdefault(stamp, TrueFrame())
            if entry.topic == topics.DETECTIONS_TOPIC:
                frame.boxes = {d.id: box_of(d.bbox) for d in message.detections}
                seen.add(stamp)
            elif entry.topic == topics.CRAFT_TOPIC:
                frame.places = {d.id: vector(d.bbox.center.position) for d in message.detections}
            elif entry.topic == topics.SUN_TOPIC:
                frame.sun = vector(message.vector)
            else:
                frame.camera = CameraInfo.from_message(message)
                frame.size = int(message.height), int(message.width)
    return TrueFlight(path, {stamp: frames[stamp] for stamp in sorted(seen)}, lengths)


def stamp_ns(stamp: Any) -> int:
    """Nanoseconds of a builtin_interfaces/Time."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def vector(point: Any) -> Array:
    """float64 (3,) of a Point or Vector3."""
    return np.array([point.x, point.y, point.z], np.float64)


def box_of(box: Any) -> Array:
    """float64 (4,), xyxy, of a BoundingBox2D."""
    x, y, w, h = box.center.position.x, box.center.position.y, box.size_x / 2, box.size_y / 2
    return np.array([x - w, y - h, x + w, y + h], np.float64)
