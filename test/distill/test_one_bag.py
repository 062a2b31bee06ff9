"""One bag, from its labels to a student: `afss label`, `afss select`, `afss train`, as written in the documentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from afss_ros import datasets
from afss_ros.cli import main
from afss_ros.distill import recipe
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint

DEMO = Path(__file__).parents[2] / "demo" / "demo.mcap"


@pytest.fixture
def tiny(small_recipe: Callable[..., Recipe], tmp_path: Path) -> str:
    """A recipe file of one short step."""
    (tmp_path / "tiny.yaml").write_text(recipe.dump(small_recipe(budget={"iterations": 1})))
    return str(tmp_path / "tiny.yaml")


def test_the_demo_bag_alone_becomes_a_student(tiny: str, tmp_path: Path) -> None:
    labels, chosen, run = (str(tmp_path / name) for name in ("labels", "set", "run"))
    assert main(["label", str(DEMO), "--every", "12", "--views", "v3", "--out", labels]) == 0
    assert main(["select", labels, "--keep", "agreement >= 0.6", "--out", chosen]) == 0
    assert main(["train", tiny, "--data", chosen, "--out", run]) == 0
    assert checkpoint.load_best(Path(run)).samples == len(datasets.load(chosen))


def test_some_of_the_demo_bag_is_kept_to_validate_on(
    tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, chosen, run = (str(tmp_path / name) for name in ("labels", "set", "run"))
    assert main(["label", str(DEMO), "--every", "12", "--out", labels]) == 0
    assert main(["select", labels, "--keep", "agreement >= 0.6", "--out", chosen]) == 1
    assert "afss label --views v2" in capsys.readouterr().err
    assert main(["select", labels, "--keep", "detector_score >= 0.6", "--val", "0.3", "--out", chosen]) == 0
    assert main(["train", tiny, "--data", chosen, "--out", run]) == 0
    assert "trained on" not in capsys.readouterr().err
    assert checkpoint.load_best(Path(run)).samples == len(datasets.load(chosen, "train"))
