"""Training learns, and a run that was killed ends where one that was not ends."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from afss_ros.distill.errors import DistillError
from afss_ros.distill.models import build
from afss_ros.distill.recipe import BudgetRecipe, Recipe
from afss_ros.distill.training import checkpoint, schedule, state
from afss_ros.distill.training import loop as training
from afss_ros.distill.training.stopping import StoppedError
from afss_ros.distill.training.task import Segmentation

MakeRecipe = Callable[..., Recipe]


class KilledError(Exception):
    """Stands for kill -9 between two steps."""


def test_a_killed_run_resumes_to_the_same_weights(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    options = small_recipe(validate_every=1.0, budget={"iterations": 6})

    def kill(progress: training.Progress) -> None:
        if progress.step == 5:
            raise KilledError

    def stop(progress: training.Progress) -> None:
        if progress.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    training.train(options, tmp_path / "whole")
    with pytest.raises(StoppedError, match=r"stopped at step 3; .*the same command goes on") as stopped:
        training.train(options, tmp_path / "stopped", stop)
    assert stopped.value.number == signal.SIGTERM
    assert checkpoint.load(tmp_path / "stopped" / "last.pt")["step"] == 3, "no step is lost"
    training.train(options, tmp_path / "stopped")
    with pytest.raises(KilledError):
        training.train(options, tmp_path / "killed", kill)
    resumed_at = checkpoint.load(tmp_path / "killed" / "last.pt")["step"]
    training.train(options, tmp_path / "killed")

    assert 0 < resumed_at < 5
    whole, killed, stopped_once = (
        checkpoint.load(tmp_path / name / "last.pt") for name in ("whole", "killed", "stopped")
    )
    for resumed in (killed, stopped_once):
        assert resumed["step"] == whole["step"] == 6
        for part in ("network", "average"):
            for key, value in whole[part].items():
                assert resumed[part][key].equal(value), f"{part} {key}"
        assert [h["whole_iou"] for h in resumed["history"]] == [h["whole_iou"] for h in whole["history"]]


@pytest.mark.usefixtures("children")
def test_processes_that_load_end_with_the_run_whatever_is_kept_of_it(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    options = small_recipe(budget={"iterations": 1})
    options = options.model_copy(update={"data": options.data.model_copy(update={"workers": 1})})
    kept, seen = [], []

    def look(progress: training.Progress) -> None:
        kept.append(sys._getframe())  # holds the frames that called it, as a traceback in a cycle does
        seen.extend(multiprocessing.active_children())

    training.train(options, tmp_path / "run", look)
    assert kept and seen and not any(process.is_alive() for process in seen)


def test_weights_of_a_run_that_has_validated_nothing_are_not_taken_for_none(
    small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    def stop(progress: training.Progress) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(StoppedError):
        training.train(small_recipe(validate_every=100.0, budget={"iterations": 50}), tmp_path, stop)
    with pytest.raises(DistillError, match="has validated nothing yet"):
        checkpoint.load_best(tmp_path)


def test_a_run_directory_of_another_recipe_is_refused(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    training.train(small_recipe(budget={"iterations": 1}), tmp_path)
    with pytest.raises(DistillError, match=r"another recipe.*seed"):
        training.train(small_recipe(budget={"iterations": 1}, seed=5), tmp_path)


def test_a_run_leaves_pictures_and_history(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    training.train(small_recipe(budget={"iterations": 1}), tmp_path)
    assert {"best.pt", "last.pt", "recipe.yaml", "history.json", "curves.png"} <= {p.name for p in tmp_path.iterdir()}
    assert [p.name for p in (tmp_path / "sheets").iterdir()] == ["step-000001.jpg"]
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_student_learns_what_a_craft_looks_like(run: Path, tmp_path: Path) -> None:
    """With any seed: five of them, with one thread, gave 0.84 to 0.87, 0.84 to 0.90, and 0.79 to 0.82."""
    recipe = checkpoint.load_best(run).parsed_recipe()
    for seed in (0, 1, 2):
        again = recipe.model_copy(update={"seed": seed, "validate_every": 100.0})
        trained = checkpoint.load_best(run) if seed == 0 else training.train(again, tmp_path / str(seed))
        assert trained.metrics["whole_iou"] > 0.75
        assert trained.metrics["body_iou"] > 0.6
        assert trained.metrics["panel_iou"] > 0.6


def test_only_weights_decay_and_the_encoder_has_its_own_rate(small_recipe: MakeRecipe) -> None:
    options = small_recipe(optimiser={"lr": 1e-3, "encoder_lr": 1e-4, "weight_decay": 0.1})
    network = build(options.student)
    groups = state.parameter_groups(network, options)
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))
    for group in groups:
        decays = group["weight_decay"] > 0
        assert all((p.ndim > 1) == decays for p in group["params"])
    assert {g["lr"] for g in groups} == {1e-3, 1e-4}


@pytest.mark.parametrize(
    ("budget", "expected"),
    [({"iterations": 40}, 0.25), ({"epochs": 2}, 0.5), ({"minutes": 5}, 0.2)],
)
def test_progress_follows_the_budget(budget: dict[str, float], expected: float) -> None:
    done = schedule.progress(BudgetRecipe(**budget), step=10, steps_per_epoch=10, seconds=60)  # type: ignore[arg-type]
    assert done == pytest.approx(expected)


def test_the_rate_warms_up_and_falls_as_a_cosine() -> None:
    rates = [schedule.rate(p, warmup=0.1, floor=0.01) for p in (0.0, 0.05, 0.1, 0.55, 1.0, 1.2)]
    assert rates == pytest.approx([0.0, 0.5, 1.0, 0.505, 0.01, 0.01])


def test_a_tiled_student_is_validated_on_whole_frames_and_resumes(
    small_recipe: MakeRecipe, drawn_set: Path, tmp_path: Path
) -> None:
    """The pictures are 64 wide, the tiles 32: the network never sees a whole one."""
    sets = {"train": [str(drawn_set)], "size": 32, "validation_size": 32, "validation_tiled": True, "workers": 0}
    options = small_recipe(
        data={**sets, "validation_images": 8, "statistics_images": 8},
        augment={"native": 1.0, "scale": [0.9, 1.1], "tilt_degrees": 0},
        student={"name": "unet-tiled", "unet": {"base_filters": 8, "depth": 2, "dropout": 0.05}},
        budget={"iterations": 120}, validate_every=40, optimiser={"lr": 5e-3, "ema": 0.9},
    )  # fmt: skip

    def kill(progress: training.Progress) -> None:
        if progress.step == 117:
            raise KilledError

    with pytest.raises(KilledError):
        training.train(options, tmp_path, kill)
    trained = training.train(options, tmp_path)
    assert trained.metrics["whole_iou"] > 0.7
    assert trained.metrics["panel_iou"] > 0.5


def test_frozen_modules_stay_as_they_were_and_the_others_learn(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    names = ("encoder.model.conv_stem", "encoder.model.bn1")
    options = small_recipe(budget={"iterations": 3}, optimiser={"ema": 0.0, "frozen": names})
    trained = training.train(options, tmp_path).weights
    torch.manual_seed(options.seed)
    before = build(options.student).state_dict()
    changed = {key for key, value in before.items() if not trained[key].equal(value)}
    assert not [key for key in changed if key.startswith(names)]
    assert {"head.0.weight", "encoder.model.blocks.0.0.conv.weight"} <= changed


def test_a_frozen_module_that_is_not_there_is_named_with_what_is(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    options = small_recipe(budget={"iterations": 1}, optimiser={"frozen": ["encoder.model.blokks"]})
    with pytest.raises(DistillError, match=r"encoder\.model\.blokks.*encoder\.model\.conv_stem"):
        training.train(options, tmp_path)


def test_weights_without_a_box_head_are_a_start_for_one_with_it(
    small_recipe: MakeRecipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    student = small_recipe().student.model_dump()
    training.train(small_recipe(budget={"iterations": 1}, student={**student, "box_head": False}), tmp_path / "without")
    trained = checkpoint.load_best(tmp_path / "without").weights
    on = {**student, "initial": tmp_path / "without"}
    started = state._initial_network(small_recipe(student=on), Segmentation())[0].state_dict()
    assert started["head.0.weight"].equal(trained["head.0.weight"])
    assert "they start from noise" in caplog.text and "box." in caplog.text
    other = {**on, "name": "fpn-mobilenetv4"}
    with pytest.raises(DistillError, match="do not fit"):
        state._initial_network(small_recipe(student=other), Segmentation())
