"""Answers: a mask to the pixel where the labels are right, and a reason where there is none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from refer_scenes import ONE_CRAFT, label_map, two_craft

from afss_ros import labels
from afss_ros.cli import main
from afss_ros.perception import Detection, Perception
from afss_ros.refer import GrammarResolver, answer, parse, seen
from afss_ros.refer.things import from_labels
from afss_ros.share import default_student
from afss_ros.student import Student


def test_a_mask_is_the_label_map_s_to_the_pixel() -> None:
    drawn = label_map(*ONE_CRAFT)
    expected = drawn == labels.PANEL
    found = answer(parse("all panels"), from_labels(drawn, specks=True))
    assert found.found and found.score == 1.0
    assert np.array_equal(found.mask, expected)
    left = answer(parse("the left panel"), from_labels(drawn, specks=True))
    expected[:, 150:] = False
    assert np.array_equal(left.mask, expected)
    both = answer(parse("the body and the antenna"), from_labels(drawn, specks=True))
    assert np.array_equal(both.mask, (drawn == labels.BODY) | (drawn == labels.ANTENNA))
    assert [d.class_name for d in both.detections] == ["body", "antenna"]
    twice = answer(parse("the left panel and the leftmost panel"), from_labels(drawn, specks=True))
    assert twice.found and twice.count == len(twice.detections) == 1


WHY = {
    "the docking ring": ("unknown", "nobody looks for a docking ring here; what is known: antenna, body, panel"),
    "is there a docking ring?": ("unknown", "nobody looks for a docking ring"),
    "the green panel": ("none", "2 solar panels seen, but no green solar panel"),
    "the panel": ("ambiguous", "1 asked for, but 2 fit"),
    "three panels": ("ambiguous", "3 asked for, but 2 fit"),
    "how many panels are there?": ("found", "2 solar panels"),
    "the port panel": ("unknown", "where port is nobody knows here"),
    "the nearest panel": ("unknown", "which panel is the nearest nobody knows here"),
    "the panel nearest the limb": ("unknown", "nobody looks for a limb here"),
    "the panel of the second largest spacecraft": ("none", "no second largest spacecraft to go by"),
}


@pytest.mark.parametrize(("text", "said"), WHY.items())
def test_the_reason_is_said(text: str, said: tuple[str, str]) -> None:
    drawn = label_map(*ONE_CRAFT)
    found = answer(parse(text), from_labels(drawn, image=np.full((*drawn.shape, 3), 90, np.uint8), specks=True))
    assert found.state == said[0]
    assert said[1] in found.why


def test_what_is_not_clear_is_answered_with_half_the_score() -> None:
    drawn = label_map((labels.PANEL, (50, 20, 70, 40)), (labels.PANEL, (52, 150, 72, 170)))
    found = answer(parse("the leftmost panel"), from_labels(drawn))
    assert found.found and found.score == 0.5 and found.why.endswith("though not clearly")
    assert found.detections[0].box_xyxy.tolist() == [50, 20, 70, 40]


def test_craft_that_the_student_does_not_believe_in_are_left_out() -> None:
    drawn = two_craft()
    image = np.zeros((*drawn.shape, 3), np.uint8)
    right = Detection("spacecraft", np.array([198, 118, 306, 192], np.float32), 0.75)
    found = answer(parse("all antennas"), seen(Perception((right,), drawn, labels.CLASS_NAMES), image))
    assert [(d.class_name, d.score) for d in found.detections] == [("antenna", 0.75)]
    nothing = answer(parse("the antenna"), seen(Perception((), None, labels.CLASS_NAMES), image))
    assert nothing.state == "unknown"


def test_the_nearest_craft_is_the_larger_one_to_a_student() -> None:
    drawn = two_craft()
    boxes = [[20, 50, 60, 80], [200, 120, 305, 190]]
    detections = tuple(Detection("spacecraft", np.array(box, np.float32), 0.9) for box in boxes)
    scene = seen(Perception(detections, drawn, labels.CLASS_NAMES), np.zeros((*drawn.shape, 3), np.uint8))
    found = answer(parse("the antenna on the bottom of the nearest craft"), scene)
    assert [d.box_xyxy.tolist() for d in found.detections] == [[215, 171, 235, 190]]


def test_the_shipped_student_is_asked_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = cv2.imread("docs/demo.jpg")
    assert picture is not None
    cv2.imwrite(str(tmp_path / "photo.png"), picture[:300, :400])
    asked = ["refer", "ask", str(tmp_path / "photo.png")]
    assert main([*asked, "all spacecraft", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "understood as: all spacecraft" in said
    mask = cv2.imread(str(tmp_path / "out" / "photo-mask.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None and mask.shape == (300, 400)
    with Student(default_student()) as student:
        found = GrammarResolver(student).resolve(np.ascontiguousarray(picture[:300, :400, ::-1]), "all spacecraft")
    assert np.array_equal(mask > 0, found.mask)
    assert main([*asked, "the shiny craft", "--out", str(tmp_path / "no")]) == 1
    assert "'shiny'" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    (tmp_path / "text.png").write_text("no picture")
    assert main(["refer", "ask", str(tmp_path / "text.png"), "the craft", "--out", str(tmp_path / "no")]) == 1
    assert "text.png" in capsys.readouterr().err
