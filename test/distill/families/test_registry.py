"""One door to every family; each is trained, exported and flown by a test beside this one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_runs

from afss_ros.distill import families
from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Recipe

EXERCISED = {
    "networks": "test_registry.py",
    "yolo": "test_yolo.py",
    "rfdetr": "test_rfdetr.py",
    "efficientdet": "test_efficientdet.py",
}
"""Family -> the test that trains, exports and flies one of its students."""


def test_no_family_goes_without_a_test() -> None:
    here = Path(__file__).parent
    assert {family.name for family in families.FAMILIES} <= set(EXERCISED)
    for family in families.FAMILIES:
        test = (here / EXERCISED[family.name]).read_text()
        assert "fly(" in test or ("export(" in test and "Student(" in test), family.name


def test_no_name_belongs_to_two_families() -> None:
    names = [name for family in families.FAMILIES for name in family.students]
    assert len(set(names)) == len(names)


def test_the_names_of_the_handbook_are_known() -> None:
    wanted = {"segformer-b0": "networks", "yolo11n-seg": "yolo", "yolo26n-seg": "yolo", "unet": "networks"}
    assert {name: families.find(name).name for name in wanted} == wanted


def test_an_unknown_name_lists_all_that_are_known() -> None:
    with pytest.raises(DistillError, match=r"'yolo99' is unknown") as error:
        families.find("yolo99")
    assert all(name in str(error.value) for family in families.FAMILIES for name in (family.licence, *family.students))


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DistillError, match=r"recipe.yaml: missing"):
        families.export(tmp_path, tmp_path / "x.onnx")


def test_our_own_networks_fly_under_their_short_names(
    small_recipe: Callable[..., Recipe], drawn_set: Path, tmp_path: Path
) -> None:
    families.train(small_recipe(student={"name": "segformer-b0"}, budget={"iterations": 1}), tmp_path, device="cpu")
    assert "name: segformer-mit-b0" in (tmp_path / "recipe.yaml").read_text()
    perception, _ = tiny_runs.fly("fpn-mobilenetv4-050", small_recipe, tmp_path / "fpn", drawn_set)
    assert perception.labels is not None


def test_arguments_of_another_library_mean_nothing_to_our_networks(
    small_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    recipe = small_recipe(student={"name": "fpn-mobilenetv4-050", "options": {"mosaic": 0.5}})
    with pytest.raises(DistillError, match=r"student.options.*mosaic"):
        families.train(recipe, tmp_path, device="cpu")
