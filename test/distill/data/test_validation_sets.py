"""What weights are chosen by: a validation split, another set, or, where there is neither, what is trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from afss_ros import datasets
from afss_ros.cli import main
from afss_ros.distill import recipe
from afss_ros.distill.data.validation_sets import settled, validated_on
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint

MakeRecipe = Callable[..., Recipe]


@pytest.fixture(scope="module")
def one_recording(drawn_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames to train on and nothing else, as `afss label` leaves them."""
    root = tmp_path_factory.mktemp("one") / "flight"
    with datasets.DatasetWriter(root) as writer:
        for sample in datasets.load(drawn_set).samples[:8]:
            writer.add(sample.key, sample.read_image(), sample.read_labels(), sample.instances, sequence="flight")
    return root


@pytest.fixture
def tiny(small_recipe: MakeRecipe, tmp_path: Path) -> Path:
    """A recipe file of one short step."""
    path = tmp_path / "tiny.yaml"
    path.write_text(recipe.dump(small_recipe(budget={"iterations": 1})))
    return path


def test_a_set_with_both_splits_is_left_alone(small_recipe: MakeRecipe) -> None:
    assert settled(small_recipe()) == small_recipe()


def test_where_some_sets_have_a_validation_split_these_are_validated_on(
    small_recipe: MakeRecipe, drawn_set: Path, one_recording: Path
) -> None:
    both = recipe.parse({"data": {"train": [str(drawn_set), str(one_recording)]}})
    assert settled(both).data.validation == (drawn_set,)
    assert settled(both).data.validation_split == "val"


def test_one_recording_is_trained_on_with_a_warning_that_scores_mean_little(
    tiny: Path, one_recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tiny), "--data", str(one_recording), "--out", str(tmp_path / "run")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "no split 'val', so weights are chosen by images that they are trained on" in said
    assert "Cut some off with `afss select --val 0.2`" in said
    kept = checkpoint.load_best(tmp_path / "run").parsed_recipe()
    assert kept.data.validation_split == "train"
    # The same command goes on with the same run.
    assert main(["train", str(tiny), "--data", str(one_recording), "--out", str(tmp_path / "run")]) == 0


def test_a_set_without_splits_is_trained_on_whole(drawn_set: Path, tiny: Path, tmp_path: Path) -> None:
    every = tmp_path / "every.json"
    every.write_text((drawn_set / "instances.json").read_text())
    (tmp_path / "images").symlink_to(drawn_set / "images")
    assert datasets.load(every).splits == ("",)
    assert main(["train", str(tiny), "--data", str(every), "--out", str(tmp_path / "run")]) == 0
    trained = checkpoint.load_best(tmp_path / "run")
    assert trained.samples == len(datasets.load(every))
    kept = trained.parsed_recipe().data
    assert kept.train_split is kept.validation_split is None


def test_another_set_can_be_named_to_validate_on(
    tiny: Path, one_recording: Path, drawn_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["train", str(tiny), "--data", str(one_recording), "--validation", str(drawn_set)]
    assert main([*wanted, "--out", str(tmp_path / "run")]) == 0
    assert "trained on" not in capsys.readouterr().err
    written = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["data"]
    assert (written["validation"], written["validation_split"]) == ([str(drawn_set)], "val")


def test_a_set_named_to_validate_on_that_has_no_such_split_is_taken_whole(
    small_recipe: MakeRecipe, one_recording: Path
) -> None:
    chosen = validated_on(small_recipe(), [one_recording])
    assert chosen.data.validation_split is None
    assert settled(chosen) == chosen


def test_a_split_that_a_recipe_names_by_another_name_must_be_there(small_recipe: MakeRecipe, drawn_set: Path) -> None:
    chosen = recipe.parse({"data": {"train": [str(drawn_set)], "validation_split": "vall"}})
    assert settled(chosen) == chosen
    with pytest.raises(datasets.DatasetError, match=r"no split 'vall'; it has train, val. Name one, or none"):
        datasets.load(drawn_set, "vall")
