"""Weights make chances of evidence that tells right from wrong, and a file that carries them is the same student."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from afss_ros import datasets
from afss_ros.cli import main
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.distill import DistillError
from afss_ros.distill.export import weigh
from afss_ros.perception import Detection, Frame
from afss_ros.student import Student, evidence

CRAFT = np.zeros((64, 64), bool)
CRAFT[16:36, 20:50] = True


def test_a_fit_finds_what_tells_and_leaves_what_does_not() -> None:
    rng = np.random.default_rng(2)
    columns = rng.standard_normal((3000, 6))
    chance = 1 / (1 + np.exp(-(1.5 * columns[:, 0] - 2.0 * columns[:, 2] + 0.5)))
    weights = weigh.fit(columns, rng.random(3000) < chance)
    assert [weights.get(n, 0) for n in evidence.NAMES] == pytest.approx([1.5, 0, -2.0, 0, 0, 0], abs=0.2)
    assert weights["offset"] == pytest.approx(0.5, abs=0.2)


def test_no_student_is_turned_around() -> None:
    columns = np.zeros((100, 6))
    columns[:, 0] = np.linspace(-1, 1, 100)
    weights = weigh.fit(columns, columns[:, 0] < 0)
    assert weights["score"] > 0
    assert set(weights) == {"score", "offset"}, "what says nothing is not in the file"


def _set(root: Path, *, craft: bool) -> datasets.Dataset:
    """Pictures with a craft, whose brightness is the tiny student's confidence, or without."""
    with DatasetWriter(root) as writer:
        for i in range(6):
            image = np.zeros((64, 64, 3), np.uint8)
            image[CRAFT] = (200 if craft else 120) + 5 * i
            found = [Instance.from_mask("spacecraft", CRAFT)] if craft else []
            writer.add(f"{i}", image, CRAFT.astype(np.uint8) * craft, found, image_format="png")
    return datasets.load(root)


def test_badly_boxed_craft_say_nothing_and_one_kind_is_not_enough(tmp_path: Path) -> None:
    source = _set(tmp_path, craft=True)
    row = np.zeros(6)

    def look(frame: Frame) -> weigh.Evidence:
        boxes = ((20, 16, 50, 36), (20, 16, 32, 36), (0, 40, 10, 60))  # right, badly boxed, wrong
        return [(Detection("spacecraft", np.array(b, np.float32), 0.5), row) for b in boxes]

    found = weigh.weigh(look, source.samples)
    assert (found.detections, found.right) == (12, 6)
    with pytest.raises(DistillError, match="right ones and false alarms"):
        weigh.weigh(lambda frame: look(frame)[:1], source.samples)


def test_the_command_writes_a_copy_whose_scores_are_chances(
    tmp_path: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, craft in (("with", True), ("without", False)):
        _set(tmp_path / name, craft=craft)
    sets = ["--data", str(tmp_path / "with"), "--data", str(tmp_path / "without")]
    assert main(["weigh", str(tiny_student), *sets, "--out", str(tmp_path / "weighed.onnx")]) == 0
    assert "12 detections, 6 right" in capsys.readouterr().out
    before, after = (onnx.load(str(p)) for p in (tiny_student, tmp_path / "weighed.onnx"))
    assert before.graph == after.graph
    with Student(tmp_path / "weighed.onnx", provider="cpu", threads=1, score_threshold=0.0) as student:
        scores = [
            [d.score for s in datasets.load(tmp_path / name).samples for d in student(Frame(s.read_image())).detections]
            for name in ("with", "without")
        ]
    assert min(scores[0]) > 0.5 > max(scores[1])
