"""A student as teacher: what an earlier round of the loop learned labels the next recording."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.datasets.rle import box_of
from afss_ros.perception import Frame, Perception
from afss_ros.student import ContractError, Student, StudentError
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.prompts import CRAFT, PARTS, Prompts
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.refinement.fusion import box_iou
from afss_ros.teacher.values import Box, Mask
from afss_ros.threads import chosen

_SMALLEST_PART = 16  # pixels; less is the ragged edge of a label map


class TeachingStudent:
    """A student that is asked about a picture once, however often detector and segmenter want to know.

    What it said is kept as long as the picture, the array itself, is: nothing is held for long, and nothing compared.
    """

    def __init__(self, student: Student) -> None:
        self.student = student
        self._said: dict[int, tuple[weakref.ref[Rgb], Perception]] = {}

    def __call__(self, image: Rgb) -> Perception:
        """What it sees in an image uint8 (H, W, 3), which must not be written to meanwhile."""
        key = id(image)
        known = self._said.get(key)
        if known is not None and known[0]() is image:
            return known[1]
        perception = self.student(Frame(image))
        self._said[key] = (weakref.ref(image, lambda _: self._said.pop(key, None)), perception)
        return perception


def open_student(path: str) -> TeachingStudent:
    """Open the student that a setting names.

    Raises:
        TeacherError: no path was given, or it is no student.
    """
    if not path:
        raise TeacherError("a student as teacher needs its file: --set detector.checkpoint=path/to/student.onnx")
    try:
        return TeachingStudent(Student(Path(path), threads=chosen(), score_threshold=0.05))
    except (StudentError, ContractError) as error:
        raise TeacherError(str(error)) from error


class StudentDetector:
    """Boxes of a student's crafts, and of the parts in its label map that were asked for. See `teacher.Detector`.

    It does not read: of the prompts, only the classes count.
    """

    reads = False

    def __init__(self, student: TeachingStudent) -> None:
        self.student = student
        known = student.student.contract.class_names.values()
        self.classes = (CRAFT, *(part for part in PARTS if part in known))
        self.provenance: dict[str, object] = {"detector": "student", **_provenance(student.student)}

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        """See `teacher.Detector.detect`."""
        return [_boxes(self.student(image), prompts) for image in images]


class StudentSegmenter:
    """Masks out of a student's label map. See `teacher.Segmenter`.

    The mask score is the IoU of the mask's tight box with the box that was asked about.
    """

    def __init__(self, student: TeachingStudent) -> None:
        """Take a student that makes label maps.

        Raises:
            TeacherError: it finds boxes only.
        """
        if student.student.contract.labels_size is None:
            raise TeacherError(f"{student.student.path} finds boxes only; as segmenter it must make label maps")
        self._student = student
        self.provenance: dict[str, object] = {"segmenter": "student", **_provenance(student.student)}

    def encode(self, image: Rgb) -> NDArray[np.uint8]:
        """The label map of the image. See `teacher.Segmenter.encode`."""
        label_map = self._student(image).labels
        assert label_map is not None
        return label_map

    def segment(self, features: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Mask]:
        """See `teacher.Segmenter.segment`."""
        return [_mask(features, box) for box in boxes]


def _provenance(student: Student) -> dict[str, object]:
    return {"checkpoint": student.path.name, "revision": "local", "sha256": student.sha256}


def _boxes(perception: Perception, prompts: Prompts) -> list[Box]:
    boxes = [
        Box(found.class_name, found.box_xyxy, found.score)
        for found in perception.detections
        if found.class_name in prompts.classes
    ]
    already = {box.class_name for box in boxes}
    crafts = [box for box in boxes if box.class_name == CRAFT]
    for name in prompts.parts:
        if name in already or perception.labels is None or not crafts:
            continue
        found = (perception.labels == labels.CLASS_IDS[name]).astype(np.uint8)
        count, _, boxes_of, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
        for x, y, width, height, area in boxes_of[1:count]:
            if area >= _SMALLEST_PART:
                corners = np.array([x, y, x + width, y + height], np.float32)
                boxes.append(Box(name, corners, crafts[0].score))
    return sorted(boxes, key=lambda box: -box.score)


def _mask(label_map: NDArray[np.uint8], box: Box) -> Mask:
    ids = labels.PART_IDS if box.class_name == CRAFT else (labels.CLASS_IDS[box.class_name],)
    x0, y0 = np.floor(box.xyxy[:2]).astype(int)
    x1, y1 = np.ceil(box.xyxy[2:]).astype(int)
    mask = np.zeros(label_map.shape, np.bool_)
    window = slice(max(0, y0), y1), slice(max(0, x0), x1)
    mask[window] = np.isin(label_map[window], ids)
    return Mask(mask, box_iou(box_of(mask), box.xyxy))
