"""YOLO11 and YOLO26 through ultralytics. It is AGPL-3.0 and optional: where it is absent, what needs it is skipped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_runs

from afss_ros.datasets import load
from afss_ros.distill import families
from afss_ros.distill.errors import DistillError
from afss_ros.distill.families.yolo import arguments, data, library, weights
from afss_ros.distill.recipe import Recipe

installed = pytest.mark.skipif(not library.is_installed(), reason="ultralytics (AGPL-3.0, optional) is not installed")


@installed
@pytest.mark.parametrize("name", ["yolo11n-seg", "yolo26n-seg"])
def test_yolo_trains_exports_and_flies(
    name: str, small_recipe: Callable[..., Recipe], drawn_set: Path, tmp_path: Path
) -> None:
    before = dict(os.environ)
    perception, student = tiny_runs.fly(name, small_recipe, tmp_path, drawn_set)
    assert perception.labels is not None
    assert student.contract.licence == "AGPL-3.0"
    assert student.contract.box_source == "boxes"
    with library.ultralytics(tmp_path):
        from afss_ros.distill.families.yolo.export import rows_network

        tiny_runs.assert_same_in_onnx(rows_network(weights(tmp_path)), 64)
    assert dict(os.environ) == before
    assert not list(tmp_path.rglob("*.ttf")), "a font was fetched"


@installed
def test_a_killed_run_goes_on_and_a_finished_one_stays(small_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe = small_recipe(student={"name": "yolo11n-seg"}, budget={"iterations": 3}, batch=8, validate_every=0.3)
    steps: list[int] = []

    def kill(progress: object) -> None:
        steps.append(progress.step)  # type: ignore[attr-defined]
        if progress.step == 2:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        families.train(recipe, tmp_path, kill, device="cpu")
    outcome = families.train(recipe, tmp_path, lambda progress: steps.append(progress.step), device="cpu")
    assert steps == [1, 2, 2, 3]
    assert families.train(recipe, tmp_path, device="cpu") == outcome
    other = small_recipe(student={"name": "yolo11n-seg"}, budget={"iterations": 4}, batch=8, validate_every=0.3)
    with pytest.raises(DistillError, match=r"another recipe \(budget differ\)"):
        families.train(other, tmp_path, device="cpu")


def test_the_set_has_whole_craft_and_pieces_of_parts(small_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe = small_recipe().data
    written = data.write(recipe, tmp_path / "yolo")
    assert written.samples == 24
    assert data.write(recipe, tmp_path / "yolo") == written
    objects = load(tmp_path / "yolo", "train")[0].instances
    assert objects is not None
    assert [o.class_name for o in objects] == ["spacecraft", "body", "panel", "panel"]
    assert next((tmp_path / "yolo/images/train").iterdir()).is_symlink()


def test_without_ultralytics_its_students_say_what_to_install(
    small_recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "is_installed", lambda: False)
    with pytest.raises(DistillError, match=r"ultralytics \(AGPL-3.0\), which is not installed; get it with `pip"):
        families.train(small_recipe(student={"name": "yolo11n-seg"}), tmp_path, device="cpu")


def test_what_the_recipe_decides_cannot_be_an_option(small_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    chosen = arguments(small_recipe(student={"name": "yolo11n-seg", "options": {"mosaic": 0.5}}), tmp_path, "cpu")
    assert (chosen["mosaic"], chosen["imgsz"], chosen["device"]) == (0.5, 64, "cpu")
    with pytest.raises(DistillError, match=r"student.options: epochs, imgsz cannot be set"):
        arguments(small_recipe(student={"name": "yolo11n-seg", "options": {"imgsz": 9, "epochs": 1}}), tmp_path, "cpu")
