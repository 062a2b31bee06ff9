"""The forms in which a run keeps what it saw. Each file appears under its name only when it is complete."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels, overlay
from afss_ros.bags import LATCHED, BagWriter, messages
from afss_ros.camera import CameraInfo
from afss_ros.images import encode_compressed
from afss_ros.perception import Detection, Frame, Perception
from afss_ros.put import put
from afss_ros.run.follower import Follower
from afss_ros.run.rle import encode
from afss_ros.spacing import evenly_spaced

_SHEET_PICTURES = 20
_SHEET_COLUMNS = 5
_SHEET_WIDTH = 2000
Camera: TypeAlias = Callable[[], CameraInfo | None]
"""The camera of the newest frame, where its source knows it."""


class Sink(Protocol):
    """Takes every frame with what was seen in it, under a key that is its file name without suffix."""

    def add(self, key: str, frame: Frame, perception: Perception) -> None: ...

    def close(self) -> None:
        """Complete the files."""
        ...

    def discard(self) -> None:
        """Leave nothing half-written behind."""
        ...


class CocoSink:
    """`detections.json`: COCO with score and mask of every detection; made for pycocotools and viewers."""

    name = "detections.json"

    def __init__(self, out: Path, _camera: Camera) -> None:
        self._path = out / self.name
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._ids: dict[str, int] = {}

    def add(self, key: str, frame: Frame, perception: Perception) -> None:
        self._ids.update({name: class_id for class_id, name in perception.class_names.items()})
        height, width = frame.image.shape[:2]
        image_id = len(self._images) + 1
        source = Path(frame.source)
        self._images.append(
            {
                "id": image_id,
                "file_name": source.name if source.stem == key else key,
                "width": width,
                "height": height,
                "source": frame.source,
                "stamp_ns": frame.stamp_ns,
            }
            | ({} if perception.presence is None else {"presence": round(perception.presence, 4)})
        )
        for found in perception.detections:
            category = self._ids.setdefault(found.class_name, max(self._ids.values(), default=0) + 1)
            annotation = _annotation(found, perception.labels)
            head = {"id": len(self._annotations) + 1, "image_id": image_id, "category_id": category}
            self._annotations.append(head | annotation)

    def close(self) -> None:
        categories = [{"id": i, "name": name} for name, i in self._ids.items() if i != labels.BACKGROUND]
        document = {"images": self._images, "annotations": self._annotations, "categories": categories}
        write_atomically(self._path, json.dumps(document).encode())

    def discard(self) -> None:
        """Nothing was written yet."""


class MaskSink:
    """`masks/<key>.png`: the label map, 8 bits of class ids, in the size of the frame; nearly black to look at.

    `masks_colour/<key>.png`: the same in the colours of the overlays.
    """

    name = "masks"
    colour = "masks_colour"

    def __init__(self, out: Path, _camera: Camera) -> None:
        self._folder, self._colour = out / self.name, out / self.colour
        for folder in (self._folder, self._colour):
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, key: str, frame: Frame, perception: Perception) -> None:
        if perception.labels is None:
            return
        write_atomically(self._folder / f"{key}.png", encode_compressed(perception.labels, "png"))
        coloured = labels.color_table()[perception.labels]
        write_atomically(self._colour / f"{key}.png", encode_compressed(coloured, "png"))

    def close(self) -> None:
        """Every mask is complete already."""

    def discard(self) -> None:
        """Every mask is complete already."""


class OverlaySink:
    """`overlays/<key>.jpg`: the frame with masks, boxes, names and scores; and a sheet of some of them."""

    name = "overlays"
    sheet = "contact_sheet.png"

    def __init__(self, out: Path, _camera: Camera) -> None:
        self._folder, self._sheet = out / self.name, out / self.sheet
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shown: list[NDArray[np.uint8]] = []
        self._count, self._every = 0, 1

    def add(self, key: str, frame: Frame, perception: Perception) -> None:
        picture = overlay.draw(frame.image, perception)
        write_atomically(self._folder / f"{key}.jpg", encode_compressed(picture, "jpeg"))
        if self._count % self._every == 0:
            self._shown.append(_shrunk(picture))
            if len(self._shown) == 2 * _SHEET_PICTURES:  # nobody knows how many will come
                self._shown, self._every = self._shown[::2], 2 * self._every
        self._count += 1

    def close(self) -> None:
        if self._shown:
            chosen = [self._shown[i] for i in evenly_spaced(len(self._shown), _SHEET_PICTURES)]
            sheet = overlay.contact_sheet(chosen, _SHEET_COLUMNS, _SHEET_WIDTH)
            write_atomically(self._sheet, encode_compressed(sheet, "png"))

    def discard(self) -> None:
        """Every overlay is complete already."""


class BagSink:
    """`run.mcap`: frames and overlays as JPEG, detections, masks and label info, on the topics of the nodes.

    With a follower also tracks, bearings, positions and doubt.

    Headers keep the frames' stamps. Messages are written under the time of the frame's recording, or its stamp where
    there was none, as a bag knows no time before 1970.
    """

    name = "run.mcap"

    def __init__(self, out: Path, camera: Camera, follower: Follower | None = None) -> None:
        self._bag = BagWriter(out / self.name)
        self._camera = camera
        self._follower = follower
        self._announced = False

    def add(self, key: str, frame: Frame, perception: Perception) -> None:
        stamp_ns, frame_id = frame.stamp_ns, frame.frame_id or "camera"
        taken_ns = frame.recorded_ns or stamp_ns
        node = "/perception_node"
        if not self._announced:
            self._announced = True
            self._bag.add_topic(f"{node}/label_info", "vision_msgs/msg/LabelInfo", qos=[LATCHED])
            info = messages.label_info(perception.class_names, 0.0, stamp_ns, frame_id)
            self._bag.write(f"{node}/label_info", info, taken_ns)
        camera = self._camera()
        if camera is not None:
            info = messages.camera_info(camera, stamp_ns, frame_id)
            self._bag.write("/camera/camera_info", info, taken_ns)
        image, drawn = encode_compressed(frame.image, "jpeg"), encode_compressed(overlay.draw(frame.image, perception))
        self._bag.write(
            "/camera/image/compressed", messages.compressed_image(image, "jpeg", stamp_ns, frame_id), taken_ns
        )
        followed = self._follower(frame, perception, camera) if self._follower is not None else None
        ids = followed.identities if followed is not None else ()
        self._bag.write(f"{node}/detections", messages.detections(perception, frame_id, ids), taken_ns)
        for name, message in followed.messages if followed is not None else ():
            self._bag.write(f"{node}/{name}", message, taken_ns)
        if perception.labels is not None:
            self._bag.write(f"{node}/mask", messages.image(perception.labels, stamp_ns, frame_id), taken_ns)
        self._bag.write(
            f"{node}/overlay/compressed", messages.compressed_image(drawn, "jpeg", stamp_ns, frame_id), taken_ns
        )

    def close(self) -> None:
        self._bag.close()

    def discard(self) -> None:
        self._bag.discard()


FORMATS: Mapping[str, Callable[[Path, Camera], Sink]] = {
    "coco": CocoSink,
    "masks": MaskSink,
    "overlays": OverlaySink,
    "mcap": BagSink,
}
OUTPUTS = (
    *(CocoSink.name, MaskSink.name, MaskSink.colour),
    *(OverlaySink.name, OverlaySink.sheet, BagSink.name),
)
"""Everything that a run may write."""


def _shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture no wider than a cell of the sheet; never larger than it is."""
    height, width = picture.shape[:2]
    cell = _SHEET_WIDTH // _SHEET_COLUMNS
    if width <= cell:
        return picture
    size = (cell, max(1, round(height * cell / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is never seen half-written."""
    temporary = path.with_name(f".partial-{path.name}")
    temporary.write_bytes(content)
    put(temporary, path)


def mask_of(found: Detection, label_map: NDArray[np.uint8] | None) -> NDArray[np.bool_] | None:
    """The pixels of a detection, bool (H, W): its own mask, or its class's pixels of the label map within its box."""
    if found.mask is not None or label_map is None:
        return found.mask
    x_min, y_min, x_max, y_max = np.clip(np.round(found.box_xyxy), 0, None).astype(int).tolist()
    window = (slice(y_min, y_max), slice(x_min, x_max))
    class_id = labels.CLASS_IDS.get(found.class_name, labels.SPACECRAFT)
    ids = labels.PART_IDS if class_id == labels.SPACECRAFT else (class_id,)
    mask = np.zeros(label_map.shape, bool)
    mask[window] = np.isin(label_map[window], ids)
    return mask


def _annotation(found: Detection, label_map: NDArray[np.uint8] | None) -> dict[str, Any]:
    x_min, y_min, x_max, y_max = (float(v) for v in found.box_xyxy)
    annotation: dict[str, Any] = {
        "bbox": [x_min, y_min, x_max - x_min, y_max - y_min],
        "area": (x_max - x_min) * (y_max - y_min),
        "iscrowd": 0,
        "score": float(found.score),
    }
    mask = mask_of(found, label_map)
    if mask is not None and mask.any():
        annotation |= {"area": int(mask.sum()), "segmentation": encode(mask)}
    return annotation
