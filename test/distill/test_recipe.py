"""A recipe says everything or says what is wrong."""

from pathlib import Path

import pytest

from afss_ros.distill import recipe
from afss_ros.distill.errors import DistillError


def test_only_the_data_is_required() -> None:
    parsed = recipe.parse({"data": {"train": ["somewhere"]}})
    assert parsed.student.name == "fpn-mobilenetv4"
    assert parsed.data.train == (Path("somewhere"),)


def test_an_unknown_key_is_named_beside_the_known_ones() -> None:
    with pytest.raises(DistillError, match=r"optimiser\.learning_rate: not a key; known are .*\blr\b.*warmup"):
        recipe.parse({"data": {"train": ["x"]}, "optimiser": {"learning_rate": 1}})


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(DistillError) as caught:
        recipe.parse({"data": {"train": ["x"], "size": 100}, "batch": 0, "sed": 1})
    assert all(word in str(caught.value) for word in ("3 fault(s)", "data.size", "batch", "sed: not a key"))


@pytest.mark.parametrize("budget", [{}, {"epochs": 1, "minutes": 2}])
def test_a_budget_is_exactly_one_of_three(budget: dict[str, float]) -> None:
    with pytest.raises(DistillError, match="exactly one of iterations, epochs, minutes"):
        recipe.parse({"data": {"train": ["x"]}, "budget": budget})


def test_a_dumped_recipe_loads_to_itself(tmp_path: Path) -> None:
    parsed = recipe.parse({"data": {"train": ["a", "b"]}, "budget": {"minutes": 3}, "augment": {"scale": [0.5, 2]}})
    (tmp_path / "r.yaml").write_text(recipe.dump(parsed))
    assert recipe.load(tmp_path / "r.yaml") == parsed


def test_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("data: {train: [a]}\nbudget: {epochs: 5}\n")
    chosen = recipe.adjusted(tmp_path / "r.yaml", data=[Path("b")], student="unet-mobilenetv4", minutes=2.0)
    assert chosen.data.train == (Path("b"),)
    assert chosen.student.name == "unet-mobilenetv4"
    assert chosen.budget.minutes == 2.0
    assert chosen.budget.epochs is None


def test_the_shipped_recipes_are_valid() -> None:
    files = sorted((Path(__file__).parents[2] / "config" / "train").glob("*.yaml"))
    assert files
    for file in files:
        recipe.load(file)
