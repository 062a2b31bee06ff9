"""SAM 2 through Meta's package: how its files are found; and, where the package is installed, the model itself."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from recorded import picture, truth

from afss_ros.teacher.assemble import assemble
from afss_ros.teacher.checkpoints import Checkpoint
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.sam2_native import config_of, find_checkpoint
from afss_ros.teacher.settings import load_settings
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


def test_the_model_of_the_package_segments_and_propagates(tmp_path: Path) -> None:
    build = pytest.importorskip("sam2.build_sam", reason="the sam2 package is an extra of its own: afss_ros[sam2]")
    torch = importlib.import_module("torch")
    torch.manual_seed(0)
    config = "configs/sam2.1/sam2.1_hiera_t.yaml"
    weights = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": build.build_sam2(config, None, device="cpu").state_dict()}, weights)
    names = {"segmenter.name": "sam2_native", "video.propagator": "sam2_native", "segmenter.checkpoint": str(weights)}
    teacher = assemble(load_settings(None, names))
    boxes = [Box("spacecraft", np.array(c, np.float32), 0.5) for c in ([10, 10, 60, 60], [40, 30, 100, 90])]
    masks = teacher.segmenter.segment(teacher.segmenter.encode(picture(0)), boxes)
    assert [mask.mask.shape for mask in masks] == [(96, 128), (96, 128)]
    assert all(mask.mask.dtype == bool and 0 <= mask.score <= 1 for mask in masks)
    assert teacher.propagator is not None
    carried = teacher.propagator.propagate([picture(0), picture(1)], [truth(0), ~truth(0)])
    assert [[mask.shape for mask in frame] for frame in carried] == [[(96, 128)] * 2] * 2
