"""Weights whose commit nobody named: resolved once, named in a warning, and held to from then on."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest
from recorded import record
from tiny_teachers import save_sam2

from afss_ros.teacher.checkpoints import find_folder
from afss_ros.teacher.command import label
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.lock import pinned
from afss_ros.teacher.settings import load_settings

NAME = "facebook/sam2.1-hiera-large"
FIRST, SECOND = "1" * 40, "2" * 40


def publish(cache: Path, weights: Path, commit: str) -> None:
    """What the Hub's cache looks like after a download of the newest commit."""
    repo = cache / f"models--{NAME.replace('/', '--')}"
    shutil.copytree(weights, repo / "snapshots" / commit)
    (repo / "refs").mkdir(exist_ok=True)
    (repo / "refs" / "main").write_text(commit)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("AFSS_CHECKPOINTS", str(tmp_path / "none"))
    publish(folder, save_sam2(tmp_path / "weights"), FIRST)
    return folder


def test_an_unpinned_checkpoint_is_warned_of_with_its_commit_and_a_pinned_one_is_not(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert find_folder(NAME).revision == FIRST
    assert f"{NAME} is not pinned: its commit here is {FIRST}" in caplog.text
    caplog.clear()
    assert find_folder(NAME, FIRST).sha256 == find_folder(NAME).sha256
    publish(cache, cache.parent / "weights", SECOND)
    caplog.clear()
    assert find_folder(NAME, FIRST).revision == FIRST
    assert caplog.text == ""


def test_a_set_goes_on_with_the_commit_it_was_begun_with(cache: Path, tmp_path: Path) -> None:
    bag, out = record(tmp_path / "flight.mcap", range(2)), tmp_path / "labels"
    settings = load_settings(None, {"segmenter.name": "sam2", "precision": "fp32"})
    label(bag, out, settings, bag=False)
    before = (out / "dataset.json").read_bytes()
    made = json.loads(before)["provenance"]["teacher"]["segmenter"]
    assert (made["checkpoint"], made["revision"], len(made["sha256"])) == (NAME, FIRST, 64)
    publish(cache, cache.parent / "weights", SECOND)
    assert find_folder(NAME).revision == SECOND
    assert pinned(settings, out).segmenter.revision == FIRST
    label(bag, out, settings, bag=False)
    assert (out / "dataset.json").read_bytes() == before


def test_weights_that_changed_under_their_name_are_refused(cache: Path, tmp_path: Path) -> None:
    bag, out = record(tmp_path / "flight.mcap", range(2)), tmp_path / "labels"
    settings = load_settings(None, {"segmenter.name": "sam2"})
    label(bag, out, settings, bag=False)
    file = cache / f"models--{NAME.replace('/', '--')}" / "snapshots" / FIRST / "model.safetensors"
    weights = bytearray(file.read_bytes())
    weights[-1] ^= 1
    file.write_bytes(bytes(weights))
    with pytest.raises(TeacherError, match=r"begun with other settings \(teacher.segmenter.sha256 was"):
        label(bag, out, settings, bag=False)
