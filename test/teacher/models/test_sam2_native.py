"""SAM 2 through Meta's package: how its files are found; and, where the package is installed, the model itself."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from recorded import picture, truth

from afss_ros.labelling.assemble import Teacher, assemble
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Checkpoint
from afss_ros.teacher.models.sam2_native import config_of, find_checkpoint
from afss_ros.teacher.values import Box


@pytest.mark.parametrize(
    ("file", "config"),
    [
        ("sam2.1_hiera_large.pt", "configs/sam2.1/sam2.1_hiera_l.yaml"),
        ("sam2.1_hiera_base_plus.pt", "configs/sam2.1/sam2.1_hiera_b+.yaml"),
        ("sam2_hiera_tiny.pt", "configs/sam2/sam2_hiera_t.yaml"),
    ],
)
def test_metas_file_names_tell_the_configuration(file: str, config: str) -> None:
    assert config_of(Checkpoint(file, Path(file), "local", "")) == config


def test_an_unknown_name_and_a_missing_file_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TeacherError, match=r"--set segmenter\.config="):
        config_of(Checkpoint("mine.pt", Path("mine.pt"), "local", ""))
    monkeypatch.setenv("AFSS_CHECKPOINTS", str(tmp_path))
    with pytest.raises(TeacherError, match=rf"download https://.*/sam2.1_hiera_tiny.pt and put it at {tmp_path}"):
        find_checkpoint("sam2.1_hiera_tiny.pt")


def teacher_with(checkpoint: Path) -> Teacher:
    names = {"segmenter.name": "sam2_native", "video.propagator": "sam2_native"}
    return assemble(load_settings(None, {**names, "segmenter.checkpoint": str(checkpoint)}))


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sam2", None)
    (tmp_path / "sam2.1_hiera_tiny.pt").write_bytes(b"weights")
    with pytest.raises(TeacherError, match=r"sam2 package is not installed .*pip install 'afss_ros\[sam2\]'"):
        teacher_with(tmp_path / "sam2.1_hiera_tiny.pt")


def test_a_package_that_its_hydra_breaks_is_not_blamed_on_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sam2").mkdir()
    (tmp_path / "sam2/__init__.py").write_text("raise RuntimeError('version_base is not supported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sam2", raising=False)
    (tmp_path / "sam2.1_hiera_tiny.pt").write_bytes(b"weights")
    with pytest.raises(TeacherError, match=r"^the sam2 package .* cannot be imported: RuntimeError: version_base"):
        teacher_with(tmp_path / "sam2.1_hiera_tiny.pt")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """Meta's smallest SAM 2.1, from noise."""
    build = pytest.importorskip("sam2.build_sam", reason="the sam2 package is an extra of its own: afss_ros[sam2]")
    torch = importlib.import_module("torch")
    torch.manual_seed(0)
    network = build.build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", None, device="cpu")
    weights = tmp_path_factory.mktemp("checkpoints") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": network.state_dict()}, weights)
    return teacher_with(weights)


def test_several_images_can_be_held_at_once(teacher: Teacher) -> None:
    segmenter, boxes = teacher.segmenter, [Box("spacecraft", np.array([10, 10, 60, 60], np.float32), 0.5)]
    first = segmenter.encode(picture(0))
    (wanted,) = segmenter.segment(first, boxes)
    second = segmenter.encode(255 - picture(0))
    (other,) = segmenter.segment(second, boxes)
    (again,) = segmenter.segment(first, boxes)
    assert again.score == wanted.score != other.score
    assert np.array_equal(again.mask, wanted.mask)


def test_the_model_of_the_package_segments_and_propagates(
    teacher: Teacher, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = [Box("spacecraft", np.array(c, np.float32), 0.5) for c in ([10, 10, 60, 60], [40, 30, 100, 90])]
    with caplog.at_level(logging.INFO):
        masks = teacher.segmenter.segment(teacher.segmenter.encode(picture(0)), boxes)
        assert teacher.propagator is not None
        carried = teacher.propagator.propagate([picture(0), picture(1)], [truth(0), ~truth(0)])
    assert [mask.mask.shape for mask in masks] == [(96, 128), (96, 128)]
    assert all(mask.mask.dtype == bool and 0 <= mask.score <= 1 for mask in masks)
    assert [[mask.shape for mask in frame] for frame in carried] == [[(96, 128)] * 2] * 2
    assert [record for record in caplog.records if record.name == "root"] == []
    assert "propagate" not in capsys.readouterr().err


def test_a_file_that_holds_no_such_model_is_named(teacher: Teacher, tmp_path: Path) -> None:
    weights = tmp_path / "sam2.1_hiera_tiny.pt"
    weights.write_bytes(b"no checkpoint")
    with pytest.raises(TeacherError, match=r"sam2.1_hiera_tiny.pt cannot be loaded as SAM 2: "):
        teacher_with(weights)
