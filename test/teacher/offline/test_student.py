"""A student as teacher: what it knows of crafts and parts becomes labels for the next round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_students import build_boxes_student

from afss_ros.datasets import load
from afss_ros.images import encode_compressed
from afss_ros.labelling.assemble import assemble
from afss_ros.labelling.command import label
from afss_ros.labelling.settings import load_settings
from afss_ros.perception import Frame, Perception
from afss_ros.student import Student
from afss_ros.teacher.errors import TeacherError


def picture_with_a_panel() -> np.ndarray:
    """64 x 64: a grey body, and a blue panel beside it, as the tiny student tells them apart."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[20:44, 10:30] = 200
    image[24:40, 30:56] = (20, 20, 220)
    return image


def settings(student: Path, prompts: dict[str, str]) -> dict[str, object]:
    return {
        "prompts": prompts,
        "detector.name": "student",
        "detector.checkpoint": str(student),
        "segmenter.name": "student",
        "segmenter.checkpoint": str(student),
    }


def test_a_student_labels_crafts_and_their_parts(tiny_student: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.png").write_bytes(encode_compressed(picture_with_a_panel(), "png"))
    asked = load_settings(None, settings(tiny_student, {"spacecraft": "spacecraft", "panel": "solar panel"}))
    counts = label(tmp_path / "pictures", tmp_path / "labels", asked, bag=False)
    assert counts["kept"] == 1
    (sample,) = load(tmp_path / "labels")
    labels = sample.read_labels()
    assert labels[30, 20] == 1 and labels[30, 40] == 2 and labels[5, 5] == 0
    assert sample.instances is not None
    assert [i.class_name for i in sample.instances] == ["spacecraft", "panel"]
    assert sample.instances[1].box_xyxy.tolist() == [30, 24, 56, 40]


def test_a_student_that_finds_and_cuts_out_is_opened_once_and_looks_once_at_each_view(
    tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    opened: list[Path] = []
    call, begin = Student.__call__, Student.__init__

    def counted_call(self: Student, frame: Frame) -> Perception:
        looks.append(id(frame.image))
        return call(self, frame)

    def counted_begin(self: Student, path: Path, **options: Any) -> None:
        opened.append(path)
        begin(self, path, **options)

    monkeypatch.setattr(Student, "__call__", counted_call)
    monkeypatch.setattr(Student, "__init__", counted_begin)
    values = {**settings(tiny_student, {"spacecraft": "spacecraft", "panel": "panel"}), "refine.views": "v2"}
    teacher = assemble(load_settings(None, values))
    for _ in range(3):  # nothing is remembered of a picture that is gone, or was seen by another view
        found = teacher.label([picture_with_a_panel() for _ in range(2)])
        assert [[i.class_name for i in instances] for instances in found] == [["spacecraft", "panel"]] * 2
    assert len(opened) == 1
    assert len(looks) == 3 * 2 * 3


def test_without_a_part_in_the_prompt_all_of_the_craft_is_body(tiny_student: Path) -> None:
    teacher = assemble(load_settings(None, settings(tiny_student, {"spacecraft": "spacecraft"})))
    ((craft,),) = teacher.label([picture_with_a_panel()])
    assert craft.class_name == "spacecraft" and craft.mask[30, 20] and craft.mask[30, 40]
    assert teacher.provenance["detector"]["checkpoint"] == tiny_student.name


def test_what_is_no_student_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match=r"detector.checkpoint=path/to/student.onnx"):
        assemble(load_settings(None, {"detector.name": "student"}))
    with pytest.raises(TeacherError, match="cannot read the student"):
        assemble(load_settings(None, settings(tmp_path / "none.onnx", {"spacecraft": "a"})))
    boxes_only = build_boxes_student(tmp_path / "boxes.onnx")
    with pytest.raises(TeacherError, match="finds boxes only"):
        assemble(load_settings(None, settings(boxes_only, {"spacecraft": "a"})))
