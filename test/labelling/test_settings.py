"""Settings are read strictly: what is not known is refused by its name, with the cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from afss_ros.labelling.settings import load_settings, parse_overrides
from afss_ros.teacher.errors import TeacherError

CONFIG = Path(__file__).resolve().parents[2] / "config"


def test_the_shipped_configurations_are_read() -> None:
    recommended = load_settings(CONFIG / "label.yaml")
    assert recommended.detector.name == "llmdet" and recommended.segmenter.name == "sam2"
    assert recommended.scores == ("detector_score", "mask_score", "agreement", "temporal")
    assert recommended.parsed_prompts().parts == ("panel", "antenna")
    assert load_settings(CONFIG / "label_offline.yaml").detector.name == "baseline"
    assert load_settings(CONFIG / "label_student.yaml").segmenter.name == "student"


def test_the_defaults_are_the_offline_baseline_and_the_thresholds_of_afss() -> None:
    settings = load_settings(None)
    assert (settings.detector.name, settings.segmenter.name) == ("baseline", "grabcut")
    assert (settings.detector.box_threshold, settings.detector.text_threshold) == (0.35, 0.25)
    assert (settings.refine.iou, settings.refine.skip) == (0.55, 0.05)


def test_grabcut_must_tell_its_mask_from_what_is_around_it_unless_the_filter_is_named() -> None:
    assert load_settings(None).keep == "detector_score >= 0.60 and mask_score >= 0.50"
    assert load_settings(CONFIG / "label_offline.yaml").keep == load_settings(None).keep
    assert load_settings(CONFIG / "label_student.yaml").keep == "detector_score >= 0.60"
    assert load_settings(None, {"keep": "detector_score > 0.1"}).keep == "detector_score > 0.1"
    assert load_settings(None, {"keep": ""}).keep == ""


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "label.yaml"
    path.write_text("refine: {views: v4, top: 0}\nkeep: agreement > 0.5\n")
    settings = load_settings(path, parse_overrides(["refine.views=v1", "batch=2"]))
    assert (settings.refine.views, settings.refine.top, settings.batch) == ("v1", 0, 2)
    assert load_settings(path, parse_overrides(["keep="])).keep == ""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"refine.wiews": "v1"}, r"unknown setting 'refine.wiews'; known here: views, iou"),
        ({"refine": 3}, "setting 'refine' is a group"),
        ({"batch": "many"}, "setting 'batch' is int, got 'many'"),
        ({"batch": True}, "setting 'batch' is int, got True"),
        ({"batch": 0}, "batch must be 1 or more"),
        ({"refine.iou": 2}, "iou must lie between 0 and 1"),
        ({"refine.box_from": "luck"}, "box_from must be"),
        ({"refine.views": "v7"}, "unknown view 'v7'"),
        ({"frames.seconds": float("nan")}, "setting 'frames.seconds' is a finite number, got nan"),
        ({"frames.seconds": float("inf")}, "setting 'frames.seconds' is a finite number, got inf"),
        ({"video.gap_s": 0}, "video.gap_s must be more than 0 seconds"),
        ({"video.jump": 81}, r"video.jump 0\.\.80 bits; got 2\.0, 81"),
        ({"detector.box_threshold": 35}, "detector.box_threshold .* from 0 to 1; got 35"),
        ({"frames.every": 0}, "every must be 1 or more"),
        ({"prompts": {"wing": "wing"}}, "unknown class 'wing'"),
        ({"prompts": {"spacecraft": 3}}, "phrases of 'spacecraft' are a text or a list of texts, got 3"),
        ({"prompts": {"spacecraft": [3]}}, r"a list of texts, got \[3\]"),
        ({"prompts.spacecraft": None}, "a list of texts, got None"),
        ({"prompts": 3}, "setting 'prompts' is dict, got 3"),
        (
            {"video": "flow", "video.chunk": 3},
            "'video.chunk' is set, but 'video' is given as 'flow' too, .*such as video.propagator=flow",
        ),
        ({"batch": 3, "batch.size.x": 3}, "'batch.size.x' is set, but 'batch' is given as 3 too"),
        ({"video.chunk": 3, "video": "flow"}, "setting 'video' is a group of settings, got 'flow'"),
        ({"keep": "agreement > 0.5"}, r"names agreement, .* give two views or more"),
        ({"keep": "temporal > 0.5"}, r"names temporal, .* turn the video on"),
        ({"keep": "score > 0.5"}, "expected a score"),
        ({"image_format": "bmp"}, "setting 'image_format' is one of jpg, png; got 'bmp'"),
        ({"split": "holdout"}, "setting 'split' is one of train, val, test; got 'holdout'"),
        ({"precision": "fp8"}, "setting 'precision' is one of auto, fp32, bf16; got 'fp8'"),
    ],
)
def test_what_cannot_be_meant_is_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(TeacherError, match=message):
        load_settings(None, overrides)


def test_files_and_texts_that_are_no_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match=r"nowhere\.yaml: cannot be read"):
        load_settings(tmp_path / "nowhere.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(TeacherError, match="settings are a mapping"):
        load_settings(tmp_path / "list.yaml")
    with pytest.raises(TeacherError, match="should read name=value"):
        parse_overrides(["refine.top"])
    with pytest.raises(TeacherError, match=r"--set 'refine.views=\[identity': '\[identity' cannot be read as YAML"):
        parse_overrides(["refine.views=[identity"])
