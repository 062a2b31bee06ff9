"""The finished set in the forms of others: YOLO text files, and a bag for RViz and Foxglove."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from afss_ros import labels, overlay
from afss_ros.bags import LATCHED, BagWriter, messages
from afss_ros.datasets import Dataset, Instance, Sample, load
from afss_ros.datasets.files import write_atomically
from afss_ros.images import encode_compressed
from afss_ros.labelling.inputs import distinct
from afss_ros.labelling.outline import one_outline
from afss_ros.perception import Detection, Perception
from afss_ros.teacher.prompts import CRAFT, PARTS

YOLO_CLASSES: tuple[str, ...] = (CRAFT, *PARTS)
BASE = "/afss"
LABEL_INFO_TOPIC = f"{BASE}/label_info"


@dataclass(frozen=True, slots=True)
class Topics:
    """Where the frames of one camera are; below `base`, or below a name of its own where there are several."""

    base: str = BASE

    @classmethod
    def of(cls, sequences: Sequence[str]) -> dict[str, Topics]:
        """Those of each sequence: what a topic's name may hold, and no number in front."""
        if len(sequences) < 2:
            return dict.fromkeys(sequences, cls())
        names = distinct([re.sub(r"\W+", "_", re.sub(r"^(?=\d)", "camera_", name)) for name in sequences])
        return {sequence: cls(f"{BASE}/{name}") for sequence, name in zip(sequences, names, strict=True)}

    @property
    def image(self) -> str:
        return f"{self.base}/image/compressed"

    @property
    def detections(self) -> str:
        return f"{self.base}/detections"

    @property
    def mask(self) -> str:
        return f"{self.base}/mask"

    @property
    def overlay(self) -> str:
        return f"{self.base}/overlay/compressed"


def write_yolo(root: Path) -> int:
    """Make the set at `root` a YOLO segmentation set too: `labels/<key>.txt`, `yolo_<split>.txt`, `yolo.yaml`.

    The text files lie beside the label maps, where YOLO looks for them; no image is copied.

    Returns:
        How many images were listed.
    """
    dataset = load(root)
    for sample in dataset:
        content = "".join(_yolo_line(instance, sample) for instance in sample.instances or ())
        path = root / "labels" / f"{sample.key}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content.encode())
    document: dict[str, object] = {"names": dict(enumerate(YOLO_CLASSES))}
    for split in dataset.splits:
        listed = [f"./{s.image.relative_to(root).as_posix()}\n" for s in dataset if s.split == split]
        write_atomically(root / f"yolo_{split}.txt", "".join(listed).encode())
        document[split] = f"yolo_{split}.txt"
    write_atomically(root / "yolo.yaml", yaml.safe_dump(document, sort_keys=False).encode())
    return len(dataset)


def _yolo_line(instance: Instance, sample: Sample) -> str:
    mask = instance.mask()
    if mask is None or instance.class_name not in YOLO_CLASSES:
        return ""
    points = one_outline(mask) / np.array([sample.width, sample.height], np.float32)
    coordinates = " ".join(f"{value:.6f}" for value in points.clip(0, 1).ravel())
    return f"{YOLO_CLASSES.index(instance.class_name)} {coordinates}\n" if len(points) >= 3 else ""


def write_bag(root: Path, path: Path, advance: Callable[[], None] = lambda: None) -> int:
    """Write the set at `root` as a bag: image, detections, mask and overlay of each frame, at its stamp.

    The frames of several cameras have topics of their own, see `Topics`.

    Args:
        path: `<name>.mcap`; appears when it is complete.
        advance: called after each frame.

    Returns:
        How many frames were written.
    """
    dataset = load(root)
    frames = sorted(dataset, key=lambda sample: int(sample.attributes.get("stamp_ns", 0)))
    topics = Topics.of(sorted({sample.sequence for sample in frames}))
    with BagWriter(path) as bag:
        bag.add_topic(LABEL_INFO_TOPIC, "vision_msgs/msg/LabelInfo", qos=[LATCHED])
        if frames:
            first = int(frames[0].attributes.get("stamp_ns", 0))
            bag.write(LABEL_INFO_TOPIC, messages.label_info(labels.CLASS_NAMES, 0.0, first), first)
        for sample in frames:
            _write_frame(bag, sample, dataset, topics[sample.sequence])
            advance()
    return len(frames)


def _write_frame(bag: BagWriter, sample: Sample, dataset: Dataset, topics: Topics) -> None:
    stamp_ns, frame_id = int(sample.attributes.get("stamp_ns", 0)), str(sample.attributes.get("frame_id", ""))
    found = tuple(
        Detection(i.class_name, i.box_xyxy, min(1.0, max(0.0, i.score)), i.mask()) for i in sample.instances or ()
    )
    label_map = sample.read_labels()
    perception = Perception(found, label_map, dataset.class_names, stamp_ns)
    encoded = "png" if sample.image.suffix == ".png" else "jpeg"
    bag.write(topics.image, messages.compressed_image(sample.image.read_bytes(), encoded, stamp_ns, frame_id), stamp_ns)
    bag.write(topics.detections, messages.detections(perception, frame_id), stamp_ns)
    bag.write(topics.mask, messages.image(label_map, stamp_ns, frame_id), stamp_ns)
    drawn = encode_compressed(overlay.draw(sample.read_image(), perception), "jpeg", 85)
    bag.write(topics.overlay, messages.compressed_image(drawn, "jpeg", stamp_ns, frame_id), stamp_ns)
