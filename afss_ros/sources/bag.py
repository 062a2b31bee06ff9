"""An image topic of a rosbag2 bag as a source of frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagError, BagMessage, BagReader, Topic
from afss_ros.camera import CameraInfo
from afss_ros.images import ImageError, decode_compressed, to_rgb
from afss_ros.perception import Frame
from afss_ros.sources.source import Damage, OpenSource, SourceError, Unreadable

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
LABEL_INFO = "vision_msgs/msg/LabelInfo"
_NANOSECONDS = 1_000_000_000


class BagImages(OpenSource):
    """The images of one topic, raw or compressed, in the order of the bag. See `Source`.

    Frames keep their header's stamp and frame, or the time of recording where the stamp is 0. Where the bag has a
    CameraInfo topic beside the image topic, its first message is the camera. A damaged bag gives what can be read of
    it, then a `Damage` for each place that is broken.
    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        """Open the bag.

        Raises:
            SourceError: no bag, no such topic, or several image topics and none chosen.
        """
        try:
            self._bag = BagReader(path)
        except BagError as err:
            raise SourceError(str(err)) from err
        try:
            self.topic = choose_topic(self._bag.topics, topic)
        except SourceError as err:
            self._bag.close()
            raise SourceError(f"{path}: {err}") from err
        self.name = f"{path}:{self.topic}"
        self.length: int | None = self._bag.topics[self.topic].count
        self.camera_info: CameraInfo | None = self._read_camera_info()
        self.rate_hz: float | None = self._rate_hz()
        self.frame_id = ""

    def __iter__(self) -> Iterator[Frame | Unreadable]:
        for message in self._bag.messages([self.topic]):
            try:
                yield self._frame(message)
            except (BagError, ImageError) as err:
                yield Unreadable(f"{self.name}@{message.stamp_ns}", str(err))
        for damage in self._bag.damages:
            yield Damage(self.name, f"the bag is damaged: {damage}")

    def key(self, frame: Frame) -> str:
        """See `Source.key`: the stamp in nanoseconds, which tells the bag's frames apart unless its camera did not."""
        return str(frame.stamp_ns)

    def close(self) -> None:
        """Release the bag."""
        self._bag.close()

    def _frame(self, message: BagMessage) -> Frame:
        content = self._bag.deserialize(message)
        image = decode_message(content, message.msgtype)
        stamp_ns = header_stamp_ns(content.header) or message.stamp_ns
        return Frame(image, stamp_ns, content.header.frame_id, self.name)

    def _read_camera_info(self) -> CameraInfo | None:
        topic = camera_info_topic(self.topic, self._bag.topics)
        message = next(self._bag.messages([topic]), None) if topic else None
        return None if message is None else CameraInfo.from_message(self._bag.deserialize(message))

    def _rate_hz(self) -> float | None:
        """Mean rate over the bag's whole span."""
        first, last = self._bag.span_ns
        if not self.length or self.length < 2 or last <= first:
            return None
        return (self.length - 1) * _NANOSECONDS / (last - first)


def decode_message(content: Any, msgtype: str) -> NDArray[np.uint8]:
    """The picture of a deserialized sensor_msgs Image or CompressedImage: uint8 (H, W, 3), RGB.

    Raises:
        ImageError: its encoding, size or data cannot be used.
    """
    if msgtype == COMPRESSED:
        return decode_compressed(content.data, content.format)
    return to_rgb(
        height=content.height,
        width=content.width,
        encoding=content.encoding,
        step=content.step,
        data=content.data,
        is_bigendian=content.is_bigendian,
    )


def header_stamp_ns(header: Any) -> int:
    """A std_msgs/Header's stamp in nanoseconds."""
    return int(header.stamp.sec) * _NANOSECONDS + int(header.stamp.nanosec)


def camera_info_topic(image_topic: str, topics: Mapping[str, Topic]) -> str | None:
    """The CameraInfo topic beside an image topic, as image_transport names it; None when there is none.

    `/cam/image_raw` and `/cam/image_raw/compressed` both belong to `/cam/camera_info`.
    """
    path = PurePosixPath(image_topic)
    for parent in (path.parent, path.parent.parent):
        candidate = str(parent / "camera_info")
        if candidate in topics and topics[candidate].msgtype == CAMERA_INFO:
            return candidate
    return None


def choose_topic(topics: Mapping[str, Topic], wanted: str | None) -> str:
    """The image topic to read.

    Without a wish: the only image topic; or, of several, the only one that does not come from a perception node, whose
    masks and overlays are images too; or the only one with a CameraInfo beside it, because cameras have calibrations.

    Raises:
        SourceError: the wish is no image topic, or the choice is not clear. Lists what there is.
    """
    images = {name: t for name, t in topics.items() if t.msgtype in (RAW, COMPRESSED)}
    listing = ", ".join(f"{t.name} ({t.count} messages)" for t in images.values()) or "none"
    if wanted is not None:
        if wanted not in images:
            raise SourceError(f"no image topic {wanted}; its image topics: {listing}")
        return wanted
    candidates = [name for name, t in images.items() if t.count > 0]
    if len(candidates) > 1:
        candidates = [name for name in candidates if not _is_perceived(name, topics)] or candidates
    if len(candidates) > 1:
        candidates = [name for name in candidates if camera_info_topic(name, topics)] or candidates
    if not candidates:
        others = ", ".join(f"{t.name} ({t.msgtype}, {t.count} messages)" for t in topics.values()) or "none"
        raise SourceError(f"it holds no images (sensor_msgs Image or CompressedImage); its topics: {others}")
    if len(candidates) > 1:
        raise SourceError(
            f"{len(candidates)} image topics could be the camera, choose one by its name; its image topics: {listing}"
        )
    return candidates[0]


def _is_perceived(image_topic: str, topics: Mapping[str, Topic]) -> bool:
    """Whether a student's LabelInfo lies beside an image topic (`<node>/mask`, `<node>/overlay/compressed`)."""
    path = PurePosixPath(image_topic)
    beside = (topics.get(str(parent / "label_info")) for parent in (path.parent, path.parent.parent))
    return any(topic is not None and topic.msgtype == LABEL_INFO for topic in beside)
