"""The whole loop, very small, on rendered recordings: it ends, it resumes, and it repeats nothing that is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_loop import SMALL

from afss_ros import datasets
from afss_ros.loop import LoopError, config, labelling, run, work
from afss_ros.loop import steps as run_steps


def write(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return path


def steps(root: Path) -> dict[str, bool]:
    """Step -> whether it was found done."""
    return {step["name"]: step["skipped"] for step in json.loads((root / "loop.json").read_text())["steps"]}


def test_every_step_is_done_once_in_order(finished: Path) -> None:
    rounds = [f"{name}-{n}" for n in (1, 2) for name in ("label", "select", "train", "export", "judge")]
    assert list(steps(finished)) == ["render", "judge-teacher", *rounds]


def test_teacher_and_students_are_judged_on_the_same_held_out_images(finished: Path) -> None:
    outcome = json.loads((finished / "loop.json").read_text())
    assert [(d["model"], d["images"]) for d in outcome["labellers"]] == [
        ("teacher", 10), ("round 1", 10), ("round 2", 10),
    ]  # fmt: skip
    gain, (teacher, _, last) = outcome["gain"], outcome["labellers"]
    assert gain["before"]["value"] == pytest.approx(teacher["mask_ap"], abs=1e-4)
    assert gain["after"]["value"] == pytest.approx(last["mask_ap"], abs=1e-4)
    low, high = gain["before"]["interval"]
    assert low <= gain["before"]["value"] <= high
    assert last["gmacs"] > 0


def test_held_out_craft_are_not_those_learned_from(finished: Path) -> None:
    (truth,) = finished.glob("render-*/truth")
    (learned,) = finished.glob("select-1-*/set")
    held, used = ({s.sequence for s in datasets.load(path)} for path in (truth, learned))
    assert held == {"test_00_flyaround", "test_01_flyaround"}
    assert all(name.startswith("train_") for name in used)


def test_the_second_round_is_labelled_by_the_student_of_the_first(finished: Path) -> None:
    (student,) = finished.glob("export-1-*/student-1.onnx")
    (labels, *_) = finished.glob("label-2-*/*/dataset.json")
    teacher = json.loads(labels.read_text())["provenance"]["teacher"]
    assert teacher["detector"]["checkpoint"] == teacher["segmenter"]["checkpoint"] == student.name


def test_the_report_stands_alone_and_shows_figures_plots_and_pictures(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    assert "mask ap" in page
    assert page.count("<svg") >= 2
    assert page.count('<img src="data:image/png;base64') == 4  # selection and curves of two rounds
    assert "<script" not in page
    assert "<link" not in page


def test_run_again_it_repeats_nothing(copied: Path, tmp_path: Path) -> None:
    before = json.loads((copied / "loop.json").read_text())
    again = run.run(config.load(write(tmp_path / "loop.yaml")), copied)
    assert all(steps(copied).values())
    assert (again["gain"], again["labellers"]) == (before["gain"], before["labellers"])


def test_a_change_repeats_what_depends_on_it_and_nothing_else(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopError(Exception):
        pass

    def stop(*_: object) -> None:
        raise StopError

    monkeypatch.setattr(work, "train", stop)
    seen: list[str] = []
    changed = {**SMALL["select"], "val": 0.5, "seed": 3}
    with pytest.raises(StopError):
        run.run(config.load(write(tmp_path / "loop.yaml", select=changed)), copied, told=seen.append)
    assert seen[-1] == "round 1: training"
    assert len(list(copied.glob("select-1-*"))) == 2
    for untouched in ("render", "judge-teacher", "label-1"):
        assert len(list(copied.glob(f"{untouched}-*"))) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"render": None}, "nothing to learn from"),
        ({"pictures": {"set": "a"}, "held_out": "b"}, "both sets to judge by"),
        ({"render": None, "recordings": ["a.mcap"]}, "recordings need held_out"),
        ({"select": {"keep": "agreement >"}}, "select.keep.*expected a number"),
        ({"label": {"detektor": {}}}, "unknown setting 'detektor'"),
        ({"train": {"student": {"nmae": "x"}}}, "nmae"),
        ({"train": {"student": {"name": "fpn-nothing"}}}, "'fpn-nothing' is unknown"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_starts(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        config.load(write(tmp_path / "loop.yaml", **change))


def test_errors_of_the_loop_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match=r"loop\.yaml: 1 fault"):
        config.load(write(tmp_path / "loop.yaml", rounds=0))


def test_the_shipped_configuration_holds_together() -> None:
    shipped = config.load(Path(__file__).parents[2] / "config" / "loop.yaml")
    assert shipped.rounds == 2
    assert config.recipe_of(shipped, Path("set")).distillation.weight_by == shipped.select.rank == "mask_score"


@pytest.mark.parametrize("name", ["loop_images.yaml", "loop_adapt.yaml"])
def test_the_loops_on_pictures_hold_together_too(name: str) -> None:
    assert config.load(Path(__file__).parents[2] / "config" / name).pictures is not None


def test_weights_count_by_what_they_are_not_by_where_they_lie(tmp_path: Path) -> None:
    model = tmp_path / "student.onnx"
    model.write_bytes(b"first")
    first = run_steps.contents(model, "owner/of-a-hub", None)
    assert list(first["files"]) == [str(model)]
    model.write_bytes(b"second")
    assert run_steps.contents(model) != first
    assert run_steps.contents("owner/of-a-hub", None) == {}


def test_values_of_the_command_line_win_over_the_file(tmp_path: Path) -> None:
    chosen = config.load(write(tmp_path / "loop.yaml"), {"rounds": 3, "train.distillation.robust": 0.5})
    assert chosen.rounds == 3
    assert config.recipe_of(chosen, Path("set")).distillation.robust == 0.5
    with pytest.raises(LoopError, match="rounds is 2, which has no deeper"):
        config.load(write(tmp_path / "loop.yaml"), {"rounds.deeper": 1})


def test_a_teacher_with_views_is_judged_without_them_too_and_the_better_one_is_to_beat(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise StopIteration

    monkeypatch.setattr(labelling, "label", stop)
    label = {**SMALL["label"], "refine": {"views": "identity,scale:0.8"}, "keep": "agreement >= 0.1"}
    with pytest.raises(StopIteration):
        run.run(config.load(write(tmp_path / "loop.yaml", label=label)), copied)
    records = [json.loads((f / "done.json").read_text()) for f in copied.glob("judge-teacher-*")]
    views = {record["inputs"]["name"]: record["inputs"]["label"]["refine"]["views"] for record in records}
    assert views == {"teacher": "none", "zero-shot teacher": "none", "refined teacher": "identity,scale:0.8"}
