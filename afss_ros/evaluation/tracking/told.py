"""What was told of a flight: by a node, read from its recording, or by a student and a tracker, run here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagReader
from afss_ros.evaluation.tracking.truth import TrueFlight, TruthError, box_of, stamp_ns, vector
from afss_ros.perception import Frame, Perception
from afss_ros.sources.source import Unreadable
from afss_ros.tracking import State, Tracker, bearing, ranging
from afss_ros.tracking.rays import Rays
from afss_ros.tracking.settings import TrackingError

Array = NDArray[np.float64]
_SHOWN = (State.CONFIRMED, State.COASTING)


@dataclass(frozen=True, slots=True)
class ToldCraft:
    """A confirmed or coasting craft as told.

    Attributes:
        box: float64 (4,).
        score: of the detection.
        seen: whether the frame shows it, and it alone.
        bearing: where it is, if that was told.
        place: float64 (3,), metres, and covariance: (3, 3), if its range was told.
        light: mean brightness of its pixels, 0..1, if known.
        diameter: px, if known.
        length: metres, for which its range was told, if that is known.
    """

    box: Array
    score: float
    seen: bool
    bearing: bearing.Bearing | None = None
    place: Array | None = None
    covariance: Array | None = None
    light: float | None = None
    diameter: float | None = None
    length: float | None = None


@dataclass(slots=True)
class ToldFrame:
    """The craft of one frame by their identity, and the boxes of detections that nobody followed."""

    craft: dict[str, ToldCraft] = field(default_factory=dict)
    detections: list[Array] = field(default_factory=list)
    milliseconds: float | None = None


def from_bag(path: Path) -> dict[int, ToldFrame]:
    """What a node's recording tells, by stamp of the picture.

    Raises:
        BagError: it is no bag.
        TruthError: it has no tracks.
    """
    with BagReader(path) as bag:
        names = {kind: [t for t in bag.topics if t.endswith(f"/{kind}")] for kind in _KINDS}
        if not names["tracks"]:
            raise TruthError(f"{path}: has no tracks; record a perception_node that was started with tracking:=true")
        frames: dict[int, ToldFrame] = {}
        kept: dict[str, list[tuple[int, Any]]] = {kind: [] for kind in _KINDS}
        for kind, topics in names.items():
            own = [t for t in topics if not t.startswith("/truth")]
            kept[kind] = [(stamp_ns(m.header.stamp), m) for e in bag.messages(own) for m in [bag.deserialize(e)]]
    for stamp, message in kept["tracks"]:
        frame = frames.setdefault(stamp, ToldFrame())
        for found in message.detections:
            state = next((r.hypothesis.class_id for r in found.results[1:]), "")
            if "/" not in found.id and state in {s.value for s in _SHOWN}:
                seen = state == State.CONFIRMED.value and not any(
                    r.hypothesis.class_id == "shared" for r in found.results
                )
                frame.craft[found.id] = ToldCraft(box_of(found.bbox), found.results[0].hypothesis.score, seen)
    for stamp, message in kept["detections"]:
        if stamp in frames:
            frames[stamp].detections = [box_of(d.bbox) for d in message.detections]
    for kind in ("bearings", "positions"):
        for stamp, message in kept[kind]:
            for found in message.detections:
                craft = frames[stamp].craft.get(found.id) if stamp in frames else None
                if craft is not None:
                    frames[stamp].craft[found.id] = _placed(craft, kind, found)
    return frames


_KINDS = ("tracks", "detections", "bearings", "positions")


def _placed(craft: ToldCraft, kind: str, found: Any) -> ToldCraft:
    pose = found.results[0].pose
    values, covariance = vector(pose.pose.position), np.asarray(pose.covariance, np.float64).reshape(6, 6)[:3, :3]
    if kind == "positions":
        return replace(craft, place=values, covariance=covariance, length=float(found.bbox.size.x) or None)
    at_border = any(r.hypothesis.class_id == "border" for r in found.results)
    told = bearing.Bearing(values, covariance, at_border, float(np.sqrt(np.trace(covariance) / 2)))
    return replace(craft, bearing=told)


def follow(
    perceive: Callable[[Frame], Perception], frames: Iterable[Frame | Unreadable], truth: TrueFlight
) -> dict[int, ToldFrame]:
    """What a student and a tracker tell of the pictures of a recording, with ranges from each craft's true length."""
    tracker = Tracker()
    told: dict[int, ToldFrame] = {}
    for frame in frames:
        if not isinstance(frame, Frame):
            continue
        true = truth.frames.get(frame.stamp_ns)
        perception = perceive(frame)
        started = perf_counter()
        tracks = tracker(perception, (frame.image.shape[0], frame.image.shape[1]))
        here = told[frame.stamp_ns] = ToldFrame(detections=[np.asarray(d.box_xyxy) for d in perception.detections])
        here.milliseconds = (perf_counter() - started) * 1e3
        if true is None or true.camera is None:
            continue
        rays = Rays(true.camera)
        for track in tracks:
            if track.state not in _SHOWN or not (track.box_xyxy[2:] > track.box_xyxy[:2]).all():
                continue
            alone = track.state is State.CONFIRMED and track.detection is not None
            light = bearing.light_of(frame.image, track.box_xyxy, track.seen) if alone else None
            try:
                ray = bearing.bearing(rays, track.box_xyxy, track.seen, at_border=track.at_border, light=light)
            except TrackingError:
                ray = None
            here.craft[str(track.identity)] = ToldCraft(
                np.asarray(track.box_xyxy, np.float64), track.score, alone, ray if alone else None, light=light,
                diameter=ranging.diameter_of(track.seen, track.box_xyxy) if alone else None,
            )  # fmt: skip
    return told
