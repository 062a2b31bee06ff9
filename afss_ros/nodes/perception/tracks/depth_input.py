"""Depth images that lie over the camera's pictures, kept for the moment in which their picture is perceived."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

_KEPT = 8
_NEAR_NS = 50_000_000
_TYPES: dict[str, tuple[np.dtype[Any], float]] = {
    "32FC1": (np.dtype(np.float32), 1.0),
    "16UC1": (np.dtype(np.uint16), 1e-3),
}
"""Encodings of REP 118 and what turns them into metres."""


class DepthInput:
    """Listens to `depth`: sensor_msgs/Image, 32FC1 in metres or 16UC1 in millimetres, registered to the pictures."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Image] = OrderedDict()
        self._subscription = node.create_subscription(Image, "depth", self._hear, qos_profile_sensor_data)

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def of(self, stamp_ns: int) -> NDArray[np.float32] | None:
        """Metres, float32 (H, W), at the time of a picture, 50 ms off at most; what is unknown is NaN."""
        with self._lock:
            nearest = min(self._kept, key=lambda stamp: abs(stamp - stamp_ns), default=None)
            if nearest is None or abs(nearest - stamp_ns) > _NEAR_NS:
                return None
            message = self._kept[nearest]
        return metres(message)

    def _hear(self, message: Image) -> None:
        stamp = int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)
        with self._lock:
            self._kept[stamp] = message
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def metres(message: Image) -> NDArray[np.float32] | None:
    """A depth message in metres, float32 (H, W), unknown pixels NaN; None for one that is no depth, or cut short."""
    kind, scale = _TYPES.get(message.encoding, (np.dtype(np.uint8), 0.0))
    if not scale or message.step % kind.itemsize or message.step < message.width * kind.itemsize:
        return None
    data = np.frombuffer(message.data, np.uint8)
    if data.size < message.step * message.height or not message.height or not message.width:
        return None
    rows = data[: message.step * message.height].view(kind.newbyteorder(">" if message.is_bigendian else "<"))
    values = np.asarray(rows.reshape(message.height, -1)[:, : message.width] * np.float32(scale), np.float32)
    values[~(values > 0)] = np.nan
    return values
