"""Several processes train one network: they see different images, agree on the weights, and one of them writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from processes import python, run

from afss_ros.distill import recipe
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint


def test_two_processes_under_torchrun_train_one_run_and_need_no_home(
    small_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    document = tmp_path / "recipe.yaml"
    document.write_text(recipe.dump(small_recipe(budget={"epochs": 1.0}, validate_every=1.0, batch=4)))
    directory = tmp_path / "run"
    command = python(
        "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "afss_ros.cli", "train", document, "--out", directory, "--device", "cpu",
    )  # fmt: skip
    done = run(
        command, patience_s=480, changes={"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HOME": "/dev/null/home"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # 24 images, 4 a step and process: two processes see the set in three steps, where one alone needs six.
    assert [entry["step"] for entry in json.loads((directory / "history.json").read_text())] == [3]
    assert checkpoint.load_best(directory).step == 3
    assert done.stdout.count(": step 3,") == 1
