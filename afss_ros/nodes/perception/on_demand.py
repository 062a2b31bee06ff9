"""What is made of a perception only while somebody listens: confidence, instances, small masks, time."""

from __future__ import annotations

import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image, TimeReference
from std_msgs.msg import Header

from afss_ros.images import encode_labels, runs
from afss_ros.nodes.messages import image_message
from afss_ros.nodes.worker import Worker
from afss_ros.perception import Perception
from afss_ros.student.regions import instance_map

_DEPTH = QoSProfile(depth=5)
_KINDS = {
    "confidence": Image,
    "instances": Image,
    "mask/compressed": CompressedImage,
    "instances/compressed": CompressedImage,
    "mask/runs": CompressedImage,
    "instances/runs": CompressedImage,
    "timing": TimeReference,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Maps:
    mask: NDArray[np.uint8] | None
    instances: NDArray[np.uint8] | None
    header: Header


class OnDemand:
    """Publishes them; PNGs are made by a thread that skips frames rather than hold up the detections.

    Args:
        keep_confidence: told before every frame whether the student is to keep the map of its confidence.
        on_error: told what went wrong with a PNG.
    """

    def __init__(
        self,
        node: LifecycleNode,
        keep_confidence: Callable[[bool], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._node = node
        self._keep_confidence = keep_confidence
        self._publishers = {name: node.create_publisher(kind, f"~/{name}", _DEPTH) for name, kind in _KINDS.items()}
        self._on_error = on_error
        self._encoder: Worker[_Maps] | None = None

    def wants(self, name: str) -> bool:
        """Whether somebody listens to an output."""
        return bool(self._publishers[name].get_subscription_count())

    def expect(self) -> None:
        """A frame is about to be perceived."""
        self._keep_confidence(self.wants("confidence"))

    def start(self) -> None:
        """Be ready for frames."""
        self._encoder = Worker("compress", self._encode, on_error=self._on_error)

    def stop(self, within_s: float) -> bool:
        """Finish what is in work; whether it ended in time."""
        encoder, self._encoder = self._encoder, None
        return encoder is None or encoder.stop(within_s)

    def publish(self, perception: Perception, header: Header, now: Time) -> None:
        """Publish what is wanted of a frame; `now` is when its detections went out."""
        if self.wants("timing"):
            # The header says when it was exposed, and the reference when the answer was published.
            self._publishers["timing"].publish(TimeReference(header=header, time_ref=now, source="published"))
        if perception.confidence is not None and self.wants("confidence"):
            self._publishers["confidence"].publish(image_message(perception.confidence, "mono8", header))
        plain, small = self.wants("instances"), self.wants("instances/compressed")
        counted = self.wants("instances/runs")
        listed, packed = self.wants("mask/runs"), self.wants("mask/compressed")
        if not (plain or small or counted or listed or packed) or (labels := perception.labels) is None:
            return
        instances = instance_map(labels, perception.detections) if plain or small or counted else None
        if plain and instances is not None:
            self._publishers["instances"].publish(image_message(instances, "mono8", header))
        if counted and instances is not None:
            self._publish_runs("instances", instances, header)
        if listed:
            self._publish_runs("mask", labels, header)
        mask = labels if packed else None
        if self._encoder is not None and (mask is not None or small):
            self._encoder.submit(_Maps(mask, instances if small else None, header))

    def _publish_runs(self, name: str, labels: NDArray[np.uint8], header: Header) -> None:
        # Half a millisecond, so not worth another thread.
        data = array.array("B", runs.encode(labels))
        self._publishers[f"{name}/runs"].publish(CompressedImage(header=header, format=runs.FORMAT, data=data))

    def close(self) -> None:
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)

    def _encode(self, maps: _Maps) -> None:
        for name, picture in (("mask", maps.mask), ("instances", maps.instances)):
            if picture is not None:
                data = array.array("B", encode_labels(picture))
                message = CompressedImage(header=maps.header, format="mono8; png compressed mono8", data=data)
                self._publishers[f"{name}/compressed"].publish(message)
