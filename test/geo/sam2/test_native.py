"""Meta's own package, where it is installed: the same questions, the same answers, and its own form of file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros.geo.sam2.network import load, question
from afss_ros.geo.sam2.parts import Tuned
from afss_ros.geo.sam2.prompts import of_boxes
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.sam2_native import Sam2NativeSegmenter, find_checkpoint
from afss_ros.teacher.values import Box


def test_a_file_that_is_missing_is_named_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFSS_CHECKPOINTS", str(tmp_path))
    with pytest.raises(TeacherError, match=r"download https://.*sam2.1_hiera_tiny.pt and put it at"):
        load("sam2.1_hiera_tiny.pt")


def test_it_answers_as_the_package_does_and_learns(tmp_path: Path) -> None:
    build = pytest.importorskip("sam2.build_sam", reason="the sam2 package is an extra of its own: afss_ros[sam2]")
    torch = importlib.import_module("torch")
    torch.manual_seed(0)
    network = build.build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", None, device="cpu")
    weights = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": network.state_dict()}, weights)
    sam2 = load(str(weights))
    picture = np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    corners = np.array([[10, 12, 50, 40], [30, 5, 80, 55]], np.float32)
    segmenter = Sam2NativeSegmenter(find_checkpoint(str(weights)))
    expected = segmenter.segment(segmenter.encode(picture), [Box("spacecraft", c, 1.0) for c in corners])
    with torch.no_grad():
        features = sam2.embed(sam2.pixels(picture))
        # The package's own call takes a box's corners for the middles of pixels.
        moved = of_boxes(corners + 0.5 * np.array([90, 60, 90, 60]) / 1024)
        answer = question(sam2, features, moved, picture.shape[:2])
    assert answer.ious[:, 0].tolist() == pytest.approx([m.score for m in expected], abs=1e-4)
    found = (answer.at((60, 90))[:, 0] > 0).numpy()
    assert all((f == m.mask).mean() > 0.99 for f, m in zip(found, expected, strict=True))
    tuned = Tuned(sam2, ("decoder",))
    optimiser = torch.optim.AdamW(tuned.weights.values(), lr=1e-3)
    several = question(sam2, features, moved, picture.shape[:2], answer.logits, several=True)
    total: Any = several.logits.mean() + several.ious.mean() + several.objects.mean()
    total.backward()
    optimiser.step()
    sam2.save(tmp_path / "model", tuned.plain())
    again = load(str(tmp_path / "model/sam2.1_hiera_tiny.pt")).module.state_dict()
    before = network.state_dict()
    changed = {name for name, value in again.items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("sam_mask_decoder.") and "conv_s" not in name for name in changed)
