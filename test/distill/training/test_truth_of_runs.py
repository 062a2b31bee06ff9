"""A run tells the truth about its sets, and a student does not fly what it never learned."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from afss_ros import datasets
from afss_ros.datasets import DatasetWriter
from afss_ros.distill import families
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.to_onnx import ExportOptions, require_learned
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint, conditions
from afss_ros.distill.training import loop as training
from afss_ros.distill.training.validation import settled

MakeRecipe = Callable[..., Recipe]


def _craft_only(drawn: Path, out: Path) -> Path:
    """The drawn set as `afss label --prompt "spacecraft."` labels it: all of a craft is body, no part was sought."""
    with DatasetWriter(out) as writer:
        for sample in datasets.load(drawn):
            labels = (sample.read_labels() > 0).astype(np.uint8)
            image = sample.read_image()
            writer.add(sample.key, image, labels, sample.instances, sample.split, image_format="png", parts=[])
    return out


def _recipe(make: MakeRecipe, data: Path, **changes: Any) -> Recipe:
    sets = {**make().data.model_dump(mode="json"), "train": [str(data)]}
    return make(data=sets, **{"budget": {"iterations": 1}, **changes})


def test_going_on_with_craft_alone_keeps_the_panels_and_says_what_is_missing(
    small_recipe: MakeRecipe, drawn_set: Path, run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    student = {**small_recipe().student.model_dump(mode="json"), "initial": str(run)}
    recipe = _recipe(
        small_recipe, _craft_only(drawn_set, tmp_path / "flight"), student=student, budget={"iterations": 30},
        validate_every=100, optimiser={"lr": 1e-3, "ema": 0.9},
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        went_on = training.train(recipe, tmp_path / "run")
    assert "pixel of body, panel" in caplog.text
    assert set(went_on.metrics) & {"body_iou", "panel_iou", "mean_part_iou"} == set()
    assert went_on.metrics["whole_iou"] > 0.7
    assert went_on.unlearned == ()
    before = checkpoint.load_best(run).metrics["panel_iou"]
    # Trained on as body, the panels' IoU is 0 after these steps.
    assert _panel_iou(small_recipe, drawn_set, tmp_path / "run") > 0.6 * before


@pytest.mark.parametrize("remember", [0.0, 3.0])
def test_the_first_weights_are_asked_of_parts_that_no_label_tells(
    small_recipe: MakeRecipe,
    drawn_set: Path,
    run: Path,
    tmp_path: Path,
    remember: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    student = {**small_recipe().student.model_dump(mode="json"), "initial": str(run)}
    terms: set[str] = set()
    step = training._step

    def heard(*args: Any) -> dict[str, float]:
        found = step(*args)
        terms.update(found)
        return found

    monkeypatch.setattr(training, "_step", heard)
    for name, data, asked in (
        ("flight", _craft_only(drawn_set, tmp_path / "flight"), remember > 0),
        ("parts", drawn_set, False),
    ):
        recipe = _recipe(small_recipe, data, student=student, distillation={"remember": remember})
        training.train(recipe, tmp_path / name / "run")
        assert ("remember" in terms) == asked, name
        terms.clear()


def _panel_iou(make: MakeRecipe, drawn: Path, run: Path) -> float:
    from afss_ros.distill.data.batches import validation_samples
    from afss_ros.distill.data.normalisation import Normalise
    from afss_ros.distill.models import build
    from afss_ros.distill.training.validation import validate

    trained = checkpoint.load_best(run)
    network = build(make().student)
    network.load_state_dict(trained.weights)
    normalise = Normalise(tuple(trained.mean), tuple(trained.std))
    samples = validation_samples(_recipe(make, drawn).data)
    return validate(network, normalise, samples, size=64, dtype=torch.float32)[0]["panel_iou"]


def test_a_student_that_was_never_taught_its_parts_is_not_exported_unasked(
    small_recipe: MakeRecipe, drawn_set: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    training.train(_recipe(small_recipe, _craft_only(drawn_set, tmp_path / "flight")), tmp_path / "run")
    assert "--allow-unlearned" in caplog.text
    trained = checkpoint.load_best(tmp_path / "run")
    assert trained.unlearned == ("body", "panel", "antenna")
    with pytest.raises(DistillError, match="no label map has taught it body, panel, antenna"):
        families.export(tmp_path / "run", tmp_path / "student.onnx", ExportOptions((64, 64)))
    assert not (tmp_path / "student.onnx").exists()
    require_learned(tmp_path, trained, ExportOptions((64, 64), allow_unlearned=True))
    require_learned(tmp_path, trained, ExportOptions((64, 64), box_source="boxes"))


def test_published_weights_keep_what_was_never_learned(run: Path, tmp_path: Path) -> None:
    trained = checkpoint.load_best(run)
    assert trained.unlearned == ()
    trained.unlearned = ("antenna",)
    checkpoint.publish(tmp_path / "weights.safetensors", trained, "seen")
    assert checkpoint.load_best(tmp_path / "weights.safetensors").unlearned == ("antenna",)
    damaged = bytearray((tmp_path / "weights.safetensors").read_bytes())
    damaged[-100] ^= 4
    (tmp_path / "weights.safetensors").write_bytes(damaged)
    with pytest.raises(DistillError, match=r"another hash than when it was written|NaN or infinite"):
        checkpoint.load_best(tmp_path / "weights.safetensors")


def test_a_run_whose_set_has_changed_says_so(
    small_recipe: MakeRecipe, drawn_set: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = _craft_only(drawn_set, tmp_path / "flight")
    recipe = _recipe(small_recipe, root, budget={"iterations": 1})
    training.train(recipe, tmp_path / "run")
    lines = (root / "samples.jsonl").read_text().splitlines()
    (root / "samples.jsonl").write_text("\n".join(lines[2:]) + "\n")
    caplog.clear()
    training.train(recipe, tmp_path / "run")
    assert "its sets are not what they were when this run was begun" in caplog.text


TRUTH = np.array([[0, 253, 253, 254, 255, 2]], np.uint8)
SEEN = np.array([[0, 3, 2, 3, 1, 2]], np.uint8)


@pytest.mark.parametrize(
    ("rest", "truth", "seen"),
    [
        ([False, True, False, True], [0, 1, 1, 4, 255, 2], [0, 1, 2, 3, 1, 2]),  # antenna hidden: antenna is right
        ([False, True, True, True], [0, 4, 4, 4, 255, 2], [0, 3, 2, 3, 1, 2]),  # panel hidden: nobody knows
    ],
)
def test_validation_counts_what_is_known(rest: list[bool], truth: list[int], seen: list[int]) -> None:
    found = settled(TRUTH, SEEN, np.array(rest), ("body", "panel", "antenna"))
    assert [f[0].tolist() for f in found] == [truth, seen]


def test_a_second_run_in_a_folder_is_refused(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / ".last.pt.13661").write_bytes(b"torn")  # as one leaves that is killed while it writes
    with (
        conditions.alone(run),
        pytest.raises(DistillError, match=f"run: process {os.getpid()} .*is writing here; wait"),
    ):
        families.train(small_recipe(), run, device="cpu")
    assert list(run.iterdir()) == []
    folder = os.open(run, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # free again
    os.close(folder)


def test_a_full_disk_is_told_in_words_and_nothing_half_written_stays(
    small_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Path.write_bytes

    def full(path: Path, content: Any) -> int:
        if "best.pt" in path.name:
            written(path, bytes(content)[:1000])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return written(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    options = small_recipe(budget={"iterations": 1})
    with pytest.raises(DistillError, match=r"best\.pt: cannot be written .*No space left on device.*run the same"):
        training.train(options, tmp_path / "run")
    assert not [p.name for p in (tmp_path / "run").iterdir() if p.name.startswith(".")]
    monkeypatch.undo()
    assert training.train(options, tmp_path / "run").step == 1


def test_too_little_shared_memory_is_told_before_a_process_starts(
    small_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {**small_recipe().data.model_dump(mode="json"), "workers": 2}
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    monkeypatch.setattr(conditions, "SHARED", tmp_path)
    with pytest.raises(DistillError, match=r"has 1 MB free, and 2 loader processes need about 1: set data\.workers: 0"):
        conditions.require_shared_memory(small_recipe(data=data))
    conditions.require_shared_memory(small_recipe())


@pytest.mark.parametrize(
    "error",
    [RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error."), OSError(errno.ENOSPC, "no /dev/shm")],
)
def test_loader_processes_that_end_without_room_are_told_in_words(
    small_recipe: MakeRecipe, tmp_path: Path, error: Exception
) -> None:
    recipe = small_recipe(data={**small_recipe().data.model_dump(mode="json"), "workers": 1})
    with pytest.raises(DistillError, match=r"set data\.workers: 0"), conditions.outer_conditions(recipe, tmp_path):
        raise error
    with pytest.raises(RuntimeError, match="shape"), conditions.outer_conditions(recipe, tmp_path):
        raise RuntimeError("shape mismatch")
