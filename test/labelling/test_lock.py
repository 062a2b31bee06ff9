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

from afss_ros.labelling.assemble import assemble
from afss_ros.labelling.command import label
from afss_ros.labelling.lock import pinned
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import find_folder

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


def test_a_pinned_revision_is_looked_for_in_a_local_folder_of_that_name_too(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder is found before the Hub; `hf download --local-dir` leaves in it which commit it is."""
    root = cache.parent / "teachers"
    folder = root / "sam2.1-hiera-large"
    shutil.copytree(cache.parent / "weights", folder)
    monkeypatch.setenv("AFSS_CHECKPOINTS", str(root))
    assert find_folder(NAME).revision == "local" and caplog.text == ""
    assert find_folder(NAME, FIRST).revision == "local"
    assert f"revision {FIRST} of {NAME} is asked for, and {folder} is used" in caplog.text
    note = folder / ".cache" / "huggingface" / "download" / "config.json.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{FIRST}\netag\n1700000000.0\n")
    caplog.clear()
    assert find_folder(NAME, FIRST).revision == find_folder(NAME, FIRST[:8]).revision == FIRST
    assert caplog.text == ""
    with pytest.raises(TeacherError, match=rf"revision {SECOND} of {NAME} is asked for, and {folder}.* holds {FIRST}"):
        find_folder(NAME, SECOND)
    assert find_folder(NAME, "main").revision == "local" and "cannot be told" in caplog.text


@pytest.mark.parametrize("group", ["detector", "segmenter"])
def test_a_file_has_no_revision_to_pin(group: str, tiny_student: Path) -> None:
    names = {f"{group}.name": "student", f"{group}.checkpoint": str(tiny_student), f"{group}.revision": FIRST}
    with pytest.raises(TeacherError, match=f"revision '{FIRST}' is asked for, and 'student' takes a file"):
        assemble(load_settings(None, names))


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
