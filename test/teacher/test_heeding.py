"""What a teacher cannot honour of a prompt is said once, and leaves pixels open instead of calling them body."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from recorded import record, truth

from afss_ros import labels
from afss_ros.datasets import load
from afss_ros.datasets.rle import box_of
from afss_ros.labelling.assemble import Teacher, assemble
from afss_ros.labelling.command import label
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.heeding import leave_open, unheeded
from afss_ros.teacher.prompts import Prompts, label_map
from afss_ros.teacher.values import Labelled

ROOT = Path(__file__).resolve().parents[2]


def labelled(tmp_path: Path, prompts: dict[str, object]) -> Path:
    bag = record(tmp_path / "flight.mcap", range(3))
    label(bag, tmp_path / "labels", load_settings(None, {"prompts": prompts}), bag=False)
    return tmp_path / "labels"


def test_a_prompt_that_nobody_reads_is_said_once_and_stays_with_the_labels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = labelled(tmp_path, {"spacecraft": "giraffe."})
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1 and said[0].startswith("'giraffe' was not read: the detector baseline reads no text")
    assert json.loads((out / "dataset.json").read_text())["provenance"]["unheeded"] == said
    assert "was not read: the detector baseline" in (out / "report.html").read_text()


def test_the_shipped_prompts_are_nothing_to_warn_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = labelled(tmp_path, {"spacecraft": "spacecraft."})
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert "unheeded" not in json.loads((out / "dataset.json").read_text())["provenance"]
    assert all(set(np.unique(sample.read_labels())) == {labels.BACKGROUND, labels.BODY} for sample in load(out))
    offline = load_settings(ROOT / "config" / "label_student.yaml")
    student = {"detector.checkpoint": str(ROOT / offline.detector.checkpoint), "segmenter.name": "grabcut"}
    teacher = assemble(load_settings(ROOT / "config" / "label_student.yaml", student))
    assert unheeded("student", teacher.detector, teacher.prompts) == []


def test_a_craft_whose_panels_nobody_finds_is_undecided_and_not_body(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = labelled(tmp_path, {"spacecraft": "spacecraft", "panel": "solar panel"})
    (said,) = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert said.startswith("the detector baseline cannot find panel") and "undecided (255)" in said
    for index, sample in enumerate(load(out)):
        label_map = sample.read_labels()
        assert set(np.unique(label_map)) == {labels.BACKGROUND, labels.UNLABELLED}
        assert np.count_nonzero((label_map == labels.UNLABELLED) == truth(index)) > 0.97 * truth(index).size
        assert sample.instances is not None and [i.class_name for i in sample.instances] == ["spacecraft"]


def test_a_student_says_what_it_was_taught(tiny_student: Path) -> None:
    names = {"detector.name": "student", "detector.checkpoint": str(tiny_student)}
    detector = assemble(load_settings(None, names)).detector
    assert detector.classes == ("spacecraft", "panel", "antenna") and not detector.reads


def test_pixels_of_parts_that_were_found_are_decided() -> None:
    craft, panel = mask("####"), mask("#...")
    instances = [Labelled("spacecraft", box_of(craft), craft), Labelled("panel", box_of(panel), panel)]
    assert label_map(leave_open(instances), (1, 4)).tolist() == [[labels.PANEL, 255, 255, 255]]
    divided = [dataclasses.replace(instances[0], undecided=panel), instances[1]]
    assert label_map(leave_open(divided), (1, 4)).tolist() == [[255, 255, 255, 255]]


def test_a_teacher_leaves_open_what_its_detector_cannot_find() -> None:
    """The same pictures, by a teacher that was asked for the craft alone and one that was asked for antennas too."""
    alone = assemble(load_settings(None))
    asked = dataclasses.replace(alone, prompts=Prompts.parse({"spacecraft": "a", "antenna": "b"}))
    assert [i.undecided is None for teacher in (alone, asked) for i in found(teacher)] == [True, False]


def found(teacher: Teacher) -> list[Labelled]:
    image = np.full((96, 128, 3), 8, np.uint8)
    image[truth(0)] = 150
    return teacher.label([image])[0]


def mask(row: str) -> NDArray[np.bool_]:
    return np.array([[c == "#" for c in row]])
