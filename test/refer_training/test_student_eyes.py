"""Referring eyes on a student: a tiny one of noise, which must stay as it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from afss_ros.datasets import DatasetError
from afss_ros.datasets.files import alone
from afss_ros.distill import recipe as students
from afss_ros.distill.export.to_onnx import weights_sha256
from afss_ros.distill.models import build as build_student
from afss_ros.distill.training.checkpoint import Trained, load_best, publish
from afss_ros.refer import NetworkResolver, ReferError
from afss_ros.refer.sets.build import build
from afss_ros.refer.sets.made import make
from afss_ros.refer_training import recipe as recipes
from afss_ros.refer_training import sight
from afss_ros.refer_training.data import load as load_set
from afss_ros.refer_training.export import export
from afss_ros.refer_training.run import BEST, LAST, Run, load, restored
from afss_ros.refer_training.steps import eyes_step
from afss_ros.refer_training.student_eyes import StudentEyes
from afss_ros.refer_training.train import Progress, train


def student(path: Path, seed: int = 1, **changes: Any) -> Path:
    """A published student whose weights are noise."""
    narrow = {"decoder_pyramid_channels": 32, "decoder_segmentation_channels": 32}
    recipe = students.parse(
        {"data": {"train": ["drawn"]}, "student": {"name": "fpn-mobilenetv4-050", "decoder": narrow, **changes}}
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        weights = build_student(recipe.student.model_copy(update={"encoder_weights": None})).state_dict()
    publish(path, Trained(recipe.model_dump(mode="json"), weights, (110.0, 111.0, 112.0), (60.0, 61.0, 62.0)), "noise")
    return path


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("refer") / "made"
    build("made:10", root)
    return root


@pytest.fixture(scope="module")
def foundation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return student(tmp_path_factory.mktemp("students") / "student.safetensors")


def recipe(sentences: Path, foundation: Path) -> recipes.Recipe:
    return recipes.parse(
        {
            "data": {"sets": [str(sentences)], "size": 64},
            "eyes": {"student": str(foundation), "width": 8, "slots": 6, "steps": 3, "batch": 2},
            "reader": {"width": 8, "rounds": 1, "steps": 2, "scenes": 2, "sentences": 4},
            "checkpoint_seconds": 1e-6,
        },
        "here",
    )


@pytest.fixture(scope="module")
def run(sentences: Path, foundation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    train(recipe(sentences, foundation), out)
    return out


class KilledError(Exception):
    """What a power cut looks like from inside."""


def test_the_student_stays_as_it_is_and_the_rest_learns(run: Path, foundation: Path) -> None:
    network, nouns, vocabulary, made_by, saved = restored(run / BEST)
    assert isinstance(network.eyes, StudentEyes)
    given, ours = load_best(foundation).weights, network.eyes.sight.state_dict()
    assert ours and all(torch.equal(given[name], value) for name, value in ours.items())
    torch.manual_seed(made_by.seed)
    begun = type(network)(made_by, nouns, vocabulary, network.foundation).eyes.state_dict()
    learned = {name: value for name, value in saved["network"].items() if name.startswith("eyes.heat")}
    assert any(not torch.equal(begun[name.removeprefix("eyes.")], value) for name, value in learned.items())


def test_a_killed_run_goes_on_to_the_same_weights(sentences: Path, foundation: Path, run: Path, tmp_path: Path) -> None:
    def kill(progress: Progress) -> None:
        if (progress.part, progress.step) == ("eyes", 2):
            raise KilledError

    with pytest.raises(KilledError):
        train(recipe(sentences, foundation), tmp_path, kill)
    assert [path.name for path in tmp_path.iterdir()] == [LAST]  # nothing is left of what was remembered
    train(recipe(sentences, foundation), tmp_path)
    whole, again = load(run / BEST)["network"], load(tmp_path / BEST)["network"]
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_another_student_under_the_same_name_is_refused(
    sentences: Path, foundation: Path, run: Path, tmp_path: Path
) -> None:
    ours = recipe(sentences, foundation)
    kept = foundation.read_bytes()
    try:
        student(foundation, seed=2)
        with pytest.raises(ReferError, match=r"last\.pt: its eyes stand on the student [0-9a-f]{12}, not on .*--out"):
            train(ours, run)
    finally:
        foundation.write_bytes(kept)
    with pytest.raises(ReferError, match=r"eyes\.student: .*nowhere\.safetensors: missing"):
        train(recipe(sentences, tmp_path / "nowhere.safetensors"), tmp_path / "run")


def test_a_student_without_an_encoder_is_refused(sentences: Path, tmp_path: Path) -> None:
    tiled = student(tmp_path / "tiled.safetensors", name="unet-tiled", decoder={})
    with pytest.raises(ReferError, match=r"eyes\.student: 'unet-tiled' has no levels at strides \(4, 8, 16, 32\)"):
        train(recipe(sentences, tiled), tmp_path / "run")


def test_what_is_exported_flies_without_the_student_and_names_it(run: Path, foundation: Path, tmp_path: Path) -> None:
    alone_there = shutil.copytree(run, tmp_path / "elsewhere")
    model = export(alone_there, tmp_path / "refer.onnx")
    network, *_ = restored(alone_there / BEST)
    assert network.foundation is not None
    with NetworkResolver(model, "cpu") as resolver:
        assert (
            resolver.facts.student_sha256 == network.foundation.sha256 == weights_sha256(load_best(foundation).weights)
        )
        _, picture = make(3)
        wide = np.ascontiguousarray(np.repeat(picture, 2, 1)[:100])
        assert resolver.resolve(wide, "the largest tree").mask.shape == wide.shape[:2]


def test_what_was_looked_at_once_is_remembered(sentences: Path, run: Path, tmp_path: Path) -> None:
    network, nouns, _, made_by, _ = restored(run / BEST)
    _, examples = load_set(made_by.data, "train", nouns)
    pictures = [example.image for example in examples[:3]]
    eyes: Any = network.eyes
    with sight.Remembered(eyes.sight, pictures, tmp_path) as remembered:
        first = remembered.levels([2, 0])
        pictures.clear()  # looked at again, they would be missed
        again = remembered.levels([0, 2])
    assert list(tmp_path.iterdir()) == []
    assert [tuple(level.shape[2:]) for level in first] == [(16, 16), (8, 8), (4, 4), (2, 2)]
    seen = eyes.sight(torch.from_numpy(examples[2].image[None]).permute(0, 3, 1, 2) / 255)
    for new, old, exact in zip(first, again, seen, strict=True):
        assert torch.equal(new.flip(0), old)
        assert torch.allclose(new[0], exact[0], rtol=2e-3, atol=1e-3)


def test_a_disk_without_room_is_named(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, *_ = restored(run / BEST)
    eyes: Any = network.eyes
    monkeypatch.setattr(os, "pwrite", lambda file, content, at: 5)
    pictures, said = (
        [np.zeros((64, 64, 3), np.uint8)],
        r"has no room for 0\.0 GB of features \(5 of \d+ bytes fit\); make",
    )
    with sight.Remembered(eyes.sight, pictures, tmp_path) as remembered, pytest.raises(ReferError, match=said):
        remembered.levels([0])


def test_a_thing_of_a_few_pixels_is_neither_asked_for_nor_forbidden(run: Path) -> None:
    network, nouns, *_ = restored(run / BEST)
    masks, known = torch.zeros(1, 1, 8, 8), torch.ones(1, 1)
    masks[0, 0, 3, 3] = 1.0
    cell, name = torch.tensor([[27]]), torch.tensor([[0]])
    nothing = torch.full((1, len(nouns), 8, 8), -8.0)
    found = nothing.clone()
    found[0, 0, 3, 3] = 4.0

    def loss(heat: torch.Tensor, small: bool) -> float:
        return float(network.eyes.heat_loss(heat, masks, cell, name, known, torch.tensor([[small]])))

    assert loss(found, False) < loss(nothing, False) - 1
    assert loss(found, True) == pytest.approx(loss(nothing, True), abs=1e-6)


def test_two_trainings_of_one_folder_are_refused(sentences: Path, foundation: Path, tmp_path: Path) -> None:
    with (
        alone(tmp_path / "run"),
        pytest.raises(DatasetError, match=f"run: process {os.getpid()} .* is writing here; wait"),
    ):
        train(recipe(sentences, foundation), tmp_path / "run")


def test_half_precision_teaches_nearly_the_same(sentences: Path, foundation: Path, run: Path, tmp_path: Path) -> None:
    network, nouns, vocabulary, made_by, _ = restored(run / BEST)
    _, examples = load_set(made_by.data, "train", nouns)
    assert isinstance(network.eyes, StudentEyes)
    losses = []
    with sight.Remembered(network.eyes.sight, [example.image for example in examples], tmp_path) as remembered:
        for half in (False, True):
            eyes = made_by.eyes.model_copy(update={"bfloat16": half})
            optimiser = torch.optim.SGD(network.eyes.parameters(), lr=0.1)
            step = Run(made_by.model_copy(update={"eyes": eyes}), nouns, vocabulary, network, optimiser, "")
            losses.append(float(eyes_step(step, examples, 0, remembered).detach()))
    assert losses[0] != losses[1] and losses[1] == pytest.approx(losses[0], rel=0.05)
