"""What nobody knows is held against no student."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros.datasets import DatasetError, DatasetWriter, Instance, load
from afss_ros.evaluation import summary
from afss_ros.evaluation.evaluate import Report, evaluate
from afss_ros.labels import CLASS_NAMES
from afss_ros.perception import Detection, Frame, Perception

TRUE = np.zeros((32, 48), np.uint8)
TRUE[8:16, 8:16] = 1
TRUE[8:16, 16:24] = 2
TRUE[4:8, 10:12] = 3
IMAGE = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
CRAFT = Instance.from_mask("spacecraft", TRUE > 0)


def _perfect(frame: Frame) -> Perception:
    return Perception((Detection("spacecraft", CRAFT.box_xyxy, 0.9),), TRUE, CLASS_NAMES)


def _report(root: Path, *samples: dict[str, Any]) -> Report:
    with DatasetWriter(root) as writer:
        for number, sample in enumerate(samples):
            writer.add(f"{number}", IMAGE, **{"labels": TRUE, "instances": [CRAFT], **sample})
    return evaluate(_perfect, load(root))


def _figures(root: Path, *samples: dict[str, Any]) -> dict[str, float | None]:
    report = _report(root, *samples)
    return summary.measure(report.images, report.known)


ALL_BODY = (TRUE > 0).astype(np.uint8)
NO_ANTENNA = np.where(TRUE == 3, 1, TRUE).astype(np.uint8)


def test_a_student_that_is_right_scores_one_whatever_was_looked_for(tmp_path: Path) -> None:
    craft_only = _figures(tmp_path / "craft", {"labels": ALL_BODY, "parts": []})
    assert [craft_only[f"{n}_iou"] for n in ("whole", "body", "panel", "antenna")] == [1, None, None, None]
    no_antenna = _figures(tmp_path / "panel", {"labels": NO_ANTENNA, "parts": ["panel"]})
    assert [no_antenna[f"{n}_iou"] for n in ("whole", "body", "panel", "antenna")] == [1, 1, 1, None]
    both = _figures(tmp_path / "both", {"labels": ALL_BODY, "parts": []}, {"parts": ["panel", "antenna"]})
    assert [both[f"{n}_iou"] for n in ("whole", "body", "panel", "antenna")] == [1, 1, 1, 1]


ONLY_PANELS = np.where(TRUE == 2, TRUE, 0).astype(np.uint8)


def test_where_panels_alone_are_labelled_panels_alone_are_measured(tmp_path: Path) -> None:
    sample = {"labels": ONLY_PANELS, "instances": None, "only": ["panel"]}
    figures = _figures(tmp_path / "right", sample)
    assert [figures[f"{n}_iou"] for n in ("whole", "body", "panel", "antenna")] == [None, None, 1, None]
    assert figures["box_ap"] is None and figures["boundary_f"] is None and figures["empty_called_craft"] is None
    assert figures["false_alarm_images"] is None, "no picture of such a set is known to be empty"
    fewer = np.where(np.arange(48) < 20, ONLY_PANELS, 0).astype(np.uint8)
    assert _figures(tmp_path / "wrong", {**sample, "labels": fewer})["panel_iou"] == 0.5


def test_what_was_looked_for_and_not_found_is_held_against_it(tmp_path: Path) -> None:
    figures = _figures(tmp_path, {"labels": ALL_BODY, "parts": ["panel", "antenna"]})
    assert figures["panel_iou"] == 0
    assert figures["body_iou"] == pytest.approx(64 / 136)


@pytest.mark.parametrize("labels", [None, TRUE * 0 + 255])
@pytest.mark.parametrize("known", [{"instances": None}, {"complete": False}])
def test_a_picture_of_which_nothing_is_known_is_named_and_not_measured(
    tmp_path: Path, labels: np.ndarray | None, known: dict[str, Any]
) -> None:
    report = _report(tmp_path / "set", {}, {"labels": labels, **known})
    assert len(report.images) == 1
    assert "what it shows is unknown" in str(report.problems[0])
    with pytest.raises(DatasetError, match="none of 1 images could be used"):
        _report(tmp_path / "alone", {"labels": labels, **known})


def test_craft_that_is_not_listed_is_no_false_alarm(tmp_path: Path) -> None:
    report = _report(tmp_path, {"instances": [], "complete": False})
    assert [image.objects for image in report.images] == [None]


def test_a_label_id_that_is_no_class_is_named(tmp_path: Path) -> None:
    stray = TRUE.copy()
    stray[0, 0] = 9
    report = _report(tmp_path, {}, {"labels": stray})
    assert len(report.images) == 1
    assert "id 9 (1 pixels) is no class" in str(report.problems[0])
