"""An image topic of a rosbag2 bag as a source of frames."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagError, BagMessage, BagReader, Topic
from afss_ros.bags.reader import encoding_cure
from afss_ros.bags.storage import CDR
from afss_ros.camera import CameraError, CameraInfo
from afss_ros.images import FEW_BITS, TWELVE_BITS_OF_16, ImageError, decode_compressed, to_rgb
from afss_ros.perception import Frame
from afss_ros.sources.source import Damage, OpenSource, SourceError, Unreadable

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
LABEL_INFO = "vision_msgs/msg/LabelInfo"
_NANOSECONDS = 1_000_000_000
_log = logging.getLogger(__name__)


class BagImages(OpenSource):
    """The images of one topic, raw or compressed, in the order of the bag. See `Source`.

    Frames keep their header's stamp and frame, or the time of recording where the stamp is 0. Where the bag has a
    CameraInfo topic beside the image topic, the camera is that of the newest message before the frame; before the first
    it is the first. A damaged bag gives what can be read of it, then a `Damage` for each place that is broken; a
    CameraInfo that cannot be read is such a place.
    """

    def __init__(self, path: Path, topic: str | None = None, grey_bits: int = 16) -> None:
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
        self._grey_bits = grey_bits
        self._brightest = -1
        self.length: int | None = self._bag.topics[self.topic].count
        self._info_topic = camera_info_topic(self.topic, self._bag.topics)
        self._bad_infos: list[str] = []
        self.camera_info: CameraInfo | None = self._first_camera_info()
        self.rate_hz: float | None = self._rate_hz()
        self.frame_id = ""

    def __iter__(self) -> Iterator[Frame | Unreadable]:
        self._bad_infos = []
        topics = [self.topic] if self._info_topic is None else [self.topic, self._info_topic]
        for message in self._bag.messages(topics):
            if message.topic == self._info_topic:
                self.camera_info = self._camera_info(message) or self.camera_info
                continue
            try:
                yield self._frame(message)
            except (BagError, ImageError) as err:
                yield Unreadable(f"{self.name}@{message.stamp_ns}", str(err))
        if self._grey_bits == 16 and 0 <= self._brightest < TWELVE_BITS_OF_16:
            _log.warning("%s: %s", self.name, FEW_BITS.format(parameter="grey bits (afss run --grey-bits)"))
        if self._bad_infos:
            count = len(self._bad_infos)
            yield Damage(f"{self._bag.path}:{self._info_topic}", f"{count} CameraInfo left out: {self._bad_infos[0]}")
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
        image = decode_message(content, message.msgtype, self._grey_bits)
        if getattr(content, "encoding", "") == "mono16":
            self._brightest = max(self._brightest, int(image[:, :, 0].max()))
        stamp_ns = header_stamp_ns(content.header) or message.stamp_ns
        return Frame(image, stamp_ns, content.header.frame_id, self.name, message.stamp_ns)

    def _first_camera_info(self) -> CameraInfo | None:
        """The first that can be read."""
        if self._info_topic is None:
            return None
        infos = (self._camera_info(message) for message in self._bag.messages([self._info_topic]))
        return next((info for info in infos if info is not None), None)

    def _camera_info(self, message: BagMessage) -> CameraInfo | None:
        try:
            return CameraInfo.from_message(self._bag.deserialize(message))
        except (BagError, CameraError) as err:
            self._bad_infos.append(str(err))
            return None

    def _rate_hz(self) -> float | None:
        """Mean rate of the topic; messages that were recorded at time 0, before a /clock came, do not count."""
        stamps = [stamp for stamp in self._bag.stamps_ns(self.topic) if stamp > 0]
        span_ns = max(stamps) - min(stamps) if stamps else 0
        return (len(stamps) - 1) * _NANOSECONDS / span_ns if span_ns else None


def decode_message(content: Any, msgtype: str, grey_bits: int = 16) -> NDArray[np.uint8]:
    """The picture of a deserialized sensor_msgs Image or CompressedImage: uint8 (H, W, 3), RGB.

    Raises:
        ImageError: its encoding, size or data cannot be used.
    """
    if msgtype not in (RAW, COMPRESSED):
        raise ImageError(f"a {msgtype or 'message without a type'} is no image")
    if msgtype == COMPRESSED:
        return decode_compressed(content.data, content.format, grey_bits=grey_bits)
    return to_rgb(
        height=content.height,
        width=content.width,
        encoding=content.encoding,
        step=content.step,
        data=content.data,
        is_bigendian=content.is_bigendian,
        grey_bits=grey_bits,
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
    images = {name: t for name, t in topics.items() if t.msgtype in (RAW, COMPRESSED) and t.encoding == CDR}
    listing = ", ".join(f"{t.name} ({t.count} messages)" for t in images.values()) or "none"
    if wanted is not None:
        if wanted not in images:
            raise SourceError(f"no image topic {wanted}; its image topics: {listing}{_refused(topics)}")
        return wanted
    candidates = [name for name, t in images.items() if t.count > 0]
    depths = [name for name in candidates if is_depth(name)]
    candidates = [name for name in candidates if name not in depths]
    if len(candidates) > 1:
        candidates = [name for name in candidates if not _is_perceived(name, topics)] or candidates
    if len(candidates) > 1:
        candidates = [name for name in candidates if camera_info_topic(name, topics)] or candidates
    if not candidates and depths:
        raise SourceError(f"it holds depth, which is no picture; choose a topic by its name if it is one: {listing}")
    if not candidates:
        others = ", ".join(f"{t.name} ({_kind(t)}, {t.count} messages)" for t in topics.values()) or "none"
        raise SourceError(
            f"it holds no images (sensor_msgs Image or CompressedImage); its topics: {others}{_refused(topics)}"
        )
    if len(candidates) > 1:
        raise SourceError(
            f"{len(candidates)} image topics could be the camera, choose one by its name; its image topics: {listing}"
        )
    return candidates[0]


def is_depth(image_topic: str) -> bool:
    """Whether a topic is named as depth images are (REP 118): `/camera/depth/image_rect`, `.../compressedDepth`."""
    return not {"depth", "compresseddepth"}.isdisjoint(re.split("[/_]", image_topic.lower()))


def _kind(topic: Topic) -> str:
    kind = topic.msgtype or "of no type"
    return kind if topic.encoding == CDR else f"{kind} as {topic.encoding!r}"


def _refused(topics: Mapping[str, Topic]) -> str:
    """What to do about image topics in another encoding, to end a sentence with."""
    others = {t.encoding for t in topics.values() if t.msgtype in (RAW, COMPRESSED) and t.encoding != CDR}
    cures = "".join(encoding_cure(encoding) for encoding in sorted(others))
    return f"; only messages encoded as {CDR!r} are read{cures}" if others else ""


def _is_perceived(image_topic: str, topics: Mapping[str, Topic]) -> bool:
    """Whether a student's LabelInfo lies beside an image topic (`<node>/mask`, `<node>/overlay/compressed`)."""
    path = PurePosixPath(image_topic)
    beside = (topics.get(str(parent / "label_info")) for parent in (path.parent, path.parent.parent))
    return any(topic is not None and topic.msgtype == LABEL_INFO for topic in beside)
