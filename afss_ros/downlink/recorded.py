"""What the recording of a node, or of `afss run --tracking`, holds for a radio and for a navigator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagReader, spatial
from afss_ros.downlink.errors import DownlinkError
from afss_ros.downlink.summary import STATES, Craft, Summary
from afss_ros.downlink.tdm import Observation
from afss_ros.images import decode_labels, runs

Array = NDArray[np.float64]
_KINDS = ("tracks", "bearings", "positions", "doubt", "mask", "mask/runs", "mask/compressed")
_FORWARD = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""Optical frame to one that looks along x."""
_GREY = ("mono8", "8UC1")


class Recorded:
    """The told frames of a bag.

    Attributes:
        damages: what is broken in the bag, as far as it has been read; what is whole is told all the same.

    Raises:
        BagError: it is no bag.
        DownlinkError: it has no tracks, or those of several nodes.
    """

    def __init__(self, path: Path) -> None:
        self.damages: dict[str, None] = {}  # a set that keeps its order
        with BagReader(path) as bag:
            self._topics = {kind: _topic(path, kind, list(bag.topics)) for kind in _KINDS}
            self._note(bag)
        if self._topics["tracks"] is None:
            raise DownlinkError(
                f"{path} has no tracks; record a perception_node with tracking:=true, or afss run --tracking"
            )
        self.path = path

    def summaries(self) -> Iterator[tuple[int, Summary]]:
        """Stamp and summary of every frame, in the order in which their tracks were recorded."""
        told = {kind: self._by_stamp(kind) for kind in ("bearings", "positions", "doubt")}
        masks = self._masks()
        for stamp, message in self._by_stamp("tracks").items():
            labels = decode_labels(masks[stamp]) if stamp in masks else None
            size = labels.shape if labels is not None else _size_around(message)
            places = {kind: {d.id: d for d in _detections(told[kind].get(stamp))} for kind in ("bearings", "positions")}
            craft = [
                _placed(_craft(d), places["bearings"].get(d.id), places["positions"].get(d.id))
                for d in message.detections
                if "/" not in d.id
            ]
            yield stamp, Summary((size[0], size[1]), _doubt(told["doubt"].get(stamp)), tuple(craft), labels)

    def observations(self, frame: str = "", tf: Path | None = None) -> tuple[str, dict[str, list[Observation]]]:
        """Bearings and ranges of each craft, in the camera's frame, or in another one that /tf places the camera in.

        Args:
            frame: that other one. In the camera's own, x is forward along the optical axis, y left and z up (REP 103):
                angles about the optical axis itself would be worth nothing near it.
            tf: the bag whose /tf counts, if not this one.

        Returns:
            The name of the frame that they are in, and the observations by the craft's identity; those of craft that
            the border cuts off are left out, for their deviation holds no promise.

        Raises:
            DownlinkError: /tf does not say how the camera is turned in `frame`.
        """
        positions = self._by_stamp("positions")
        turns = _turns(tf or self.path, frame) if frame else {}
        craft: dict[str, list[Observation]] = {}
        name = frame
        for stamp, message in self._by_stamp("bearings").items():
            own = message.header.frame_id
            if frame and (stamp, own) not in turns:
                raise DownlinkError(
                    f"{tf or self.path}: /tf does not say how {own!r} is turned in {frame!r} at {stamp} ns; leave"
                    " --frame out for bearings in the camera's own frame"
                )
            turned = turns[stamp, own] if frame else _FORWARD
            name = frame or own
            places = {d.id: d for d in _detections(positions.get(stamp))}
            for found in message.detections:
                if any(r.hypothesis.class_id == "border" for r in found.results):
                    continue
                told = _placed(_craft_of(found.id), found, places.get(found.id))
                assert told.direction is not None and told.covariance is not None
                sigma = float(np.sqrt(np.trace(told.covariance) / 2))
                seen = Observation(stamp, turned @ told.direction, sigma, told.metres)
                craft.setdefault(found.id, []).append(seen)
        return name, craft

    def _by_stamp(self, kind: str) -> dict[int, Any]:
        topic = self._topics[kind]
        if topic is None:
            return {}
        with BagReader(self.path) as bag:
            messages = (bag.deserialize(entry) for entry in bag.messages([topic]))
            found = {_stamp_ns(m.header.stamp): m for m in messages}
            self._note(bag)
        return found

    def _note(self, bag: BagReader) -> None:
        self.damages |= dict.fromkeys(bag.damages)

    def _masks(self) -> dict[int, bytes]:
        """The label maps by stamp, kept small: a flight has many."""
        for kind in ("mask/runs", "mask/compressed"):
            if found := self._by_stamp(kind):
                return {stamp: bytes(message.data) for stamp, message in found.items()}
        topic = self._topics["mask"]
        if topic is None:
            return {}
        with BagReader(self.path) as bag:
            messages = (bag.deserialize(entry) for entry in bag.messages([topic]))
            found = {_stamp_ns(m.header.stamp): runs.encode(_grey(m)) for m in messages if m.encoding in _GREY}
            self._note(bag)
        return found


def _turns(path: Path, frame: str) -> dict[tuple[int, str], Array]:
    """The rotation (3, 3) from each child of a frame into it, by stamp and child."""
    turns: dict[tuple[int, str], Array] = {}
    with BagReader(path) as bag:
        for entry in bag.messages(["/tf"]) if "/tf" in bag.topics else ():
            for t in bag.deserialize(entry).transforms:
                if t.header.frame_id == frame:
                    q = t.transform.rotation
                    turns[_stamp_ns(t.header.stamp), t.child_frame_id] = spatial.rotation(q.x, q.y, q.z, q.w)
    return turns


def _topic(path: Path, kind: str, topics: list[str]) -> str | None:
    found = [t for t in topics if t.endswith(f"/{kind}") and not t.startswith("/truth")]
    if len(found) > 1:
        raise DownlinkError(f"{path} has several topics of {kind}: {', '.join(found)}; record one node at a time")
    return found[0] if found else None


def _stamp_ns(stamp: Any) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _detections(message: Any) -> list[Any]:
    return list(message.detections) if message is not None else []


def _grey(message: Any) -> NDArray[np.uint8]:
    height, step = int(message.height), int(message.step)
    rows = np.asarray(message.data, np.uint8)[: height * step].reshape(height, step)
    return np.ascontiguousarray(rows[:, : int(message.width)])


def _size_around(message: Any) -> tuple[int, int]:
    """A picture (H, W) that holds all boxes, where there is no mask that has its size."""
    sides = [(d.bbox.center.position.y + d.bbox.size_y / 2, d.bbox.center.position.x + d.bbox.size_x / 2)
             for d in message.detections]  # fmt: skip
    height, width = np.ceil(np.max([(1.0, 1.0), *sides], axis=0)).astype(int)
    return int(height), int(width)


def _doubt(message: Any) -> float:
    if message is None or not message.status:
        return 0.0
    return next((float(pair.value) for pair in message.status[0].values if pair.key == "doubt"), 0.0)


def _craft(found: Any) -> Craft:
    names = [r.hypothesis.class_id for r in found.results]
    x, y = found.bbox.center.position.x, found.bbox.center.position.y
    w, h = found.bbox.size_x / 2, found.bbox.size_y / 2
    return Craft(
        int(found.id) if found.id.isdecimal() else 0,
        next((name for name in names if name in STATES), STATES[0]),
        int(names[0]) if names and names[0].isdecimal() else 0,
        float(found.results[0].hypothesis.score) if names else 0.0,
        np.array([x - w, y - h, x + w, y + h], np.float64),
        "border" in names,
        "shared" in names,
    )


def _craft_of(identity: str) -> Craft:
    return Craft(int(identity) if identity.isdecimal() else 0, STATES[1], 0, 0.0, np.zeros(4))


def _placed(craft: Craft, bearing: Any, position: Any) -> Craft:
    if bearing is None:
        return craft
    direction, covariance = _point(bearing)
    craft = replace(craft, direction=direction, covariance=covariance)
    if position is None:
        return craft
    place, spread = _point(position)
    metres = float(np.linalg.norm(place))
    along = place / metres
    return replace(craft, metres=metres, sigma=float(np.sqrt(along @ spread @ along)))


def _point(found: Any) -> tuple[Array, Array]:
    pose = found.results[0].pose
    at = pose.pose.position
    return np.array([at.x, at.y, at.z]), np.asarray(pose.covariance, np.float64).reshape(6, 6)[:3, :3]
