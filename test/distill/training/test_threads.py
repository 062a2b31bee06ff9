"""Training takes the threads that it is given, keeps them over an interruption, and leaves the process as it was."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from afss_ros import threads
from afss_ros.cli import main
from afss_ros.distill import recipe as recipes
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint
from afss_ros.distill.training import loop as training
from afss_ros.teacher.models.loading import inference

MakeRecipe = Callable[..., Recipe]

_START = """
import os
from afss_ros.cli import app
app.main = lambda: print(os.environ.get("OMP_WAIT_POLICY"))
app.start()
"""


def taken(recipe: Recipe, run: Path, wanted: int = 0) -> list[int]:
    """torch's threads at every step of a training."""
    seen: list[int] = []
    with threads.limited(wanted):
        training.train(recipe, run, lambda _: seen.append(torch.get_num_threads()))
    return seen


def test_a_run_keeps_its_number_however_busy_the_machine_is_when_it_goes_on(
    small_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before, seen = torch.get_num_threads(), []

    def stop(progress: training.Progress) -> None:
        seen.append(torch.get_num_threads())
        if progress.step == 1:
            raise KeyboardInterrupt

    recipe = small_recipe(budget={"iterations": 2}, batch=2, validate_every=1 / 12)
    monkeypatch.setattr(threads, "look", lambda: threads.Cores(2, math.inf, 2.0))
    with pytest.raises(KeyboardInterrupt):
        training.train(recipe, tmp_path, stop)
    monkeypatch.setattr(threads, "look", lambda: threads.Cores(2, math.inf, 0.0))
    training.train(recipe, tmp_path, lambda _: seen.append(torch.get_num_threads()))
    assert seen == [2, 2]
    assert checkpoint.load(tmp_path / "last.pt")["threads"] == 2
    assert torch.get_num_threads() == before
    training.train(recipe, tmp_path / "busy", lambda _: seen.append(torch.get_num_threads()))
    assert seen[2:] == [1, 1]


def test_what_is_asked_for_is_taken(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    assert taken(small_recipe(budget={"iterations": 1}, batch=2), tmp_path, 3) == [3]
    assert torch.get_num_threads() == before


def test_the_command_line_says_how_many(
    small_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "recipe.yaml"
    document.write_text(recipes.dump(small_recipe(budget={"iterations": 1}, batch=2)))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert main(["train", str(document), "--out", str(tmp_path / "run"), "--threads", "2"]) == 0
    assert checkpoint.load(tmp_path / "run" / "last.pt")["threads"] == 2


def test_a_teachers_networks_take_what_the_labelling_around_them_chose() -> None:
    before = torch.get_num_threads()
    with threads.limited(before + 1):
        torch.set_num_threads(before)  # as when torch is loaded after the choice
        with inference():
            assert torch.get_num_threads() == before + 1
        assert torch.get_num_threads() == before
    with inference():
        assert torch.get_num_threads() == before


def test_the_program_lets_openmp_sleep_and_a_call_of_it_changes_nothing() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    command = [sys.executable, "-c", _START]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "passive\n"
    before = dict(os.environ)
    assert main(["version"]) == 0
    assert dict(os.environ) == before
