"""What a student gets wrong is mined, what it gets right is kept by a share, and nothing else changes on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.cli import main
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.distill.selection.mine import Mining, hard, mine
from afss_ros.labels import CLASS_NAMES
from afss_ros.perception import Detection, Frame, Perception

EMPTY = np.zeros((64, 64), np.uint8)
CRAFT = EMPTY.copy()
CRAFT[20:40, 10:30] = 1
CRAFT[26:34, 30:50] = 2
COLORS = np.array([[0, 0, 0], [180, 180, 180], [30, 40, 160], [200, 40, 40]], np.uint8)
"""What the tiny student calls background, body, panel, antenna."""


def _seen(labels: NDArray[np.uint8], score: float | None = None) -> Perception:
    box = np.array([0, 0, 9, 9], np.float32)
    found = () if score is None else (Detection("spacecraft", box, score),)
    return Perception(found, labels, CLASS_NAMES)


@pytest.mark.parametrize(
    ("truth", "seen", "is_hard"),
    [
        (EMPTY, _seen(EMPTY), False),
        (EMPTY, _seen(EMPTY, 0.2), False),
        (EMPTY, _seen(EMPTY, 0.31), True),
        (EMPTY, _seen(CRAFT), True),
        (CRAFT, _seen(CRAFT, 0.9), False),
        (CRAFT, _seen(EMPTY), True),
        (CRAFT, _seen((CRAFT > 0).astype(np.uint8)), False),
        (CRAFT, _seen((CRAFT > 0).astype(np.uint8) * np.uint8(3)), True),
        (np.where(CRAFT > 0, 255, 0).astype(np.uint8), _seen(CRAFT), False),
    ],
    ids=["quiet", "faint", "alarm", "spill", "right", "missed", "a few parts", "parts", "undecided"],
)
def test_what_is_hard(truth: NDArray[np.uint8], seen: Perception, is_hard: bool) -> None:
    assert hard(truth, seen, Mining()) is is_hard


def _set(root: Path) -> datasets.Dataset:
    """Two empty pictures, in the second of which a student sees a craft; craft that it sees, and one that it misses."""
    pairs = [(EMPTY, EMPTY), (EMPTY, CRAFT), (CRAFT, CRAFT), (CRAFT, EMPTY)]
    with DatasetWriter(root, provenance={"world": 7}) as writer:
        for name, (truth, picture) in zip(("quiet", "alarm", "right", "missed"), pairs, strict=True):
            instances = [Instance.from_mask("spacecraft", truth > 0)] if truth.any() else []
            writer.add(name, COLORS[picture], truth, instances, attributes={"name": name}, image_format="png")
    return datasets.load(root)


def _by_colour(frame: Frame) -> Perception:
    return _seen(np.abs(frame.image[:, :, None].astype(int) - COLORS).sum(-1).argmin(-1).astype(np.uint8))


def test_hard_images_are_written_whole_and_false_alarms_twice(tmp_path: Path) -> None:
    source = _set(tmp_path / "set")
    mined = mine(_by_colour, source, tmp_path / "mined", Mining(easy=0.0, repeat=2))
    assert (mined.alarms, mined.wrong, mined.easy, mined.written) == (1, 1, 2, 3)
    written = {s.key: s for s in datasets.load(tmp_path / "mined").samples}
    assert set(written) == {"alarm", "alarm-1", "missed"}
    before = {s.key: s for s in source.samples}
    for key, sample in written.items():
        original = before[key.removesuffix("-1")]
        assert np.array_equal(sample.read_image(), original.read_image())
        assert np.array_equal(sample.read_labels(), original.read_labels())
        assert sample.attributes == original.attributes and len(sample.instances or ()) == len(original.instances or ())
    again = mine(_by_colour, source, tmp_path / "mined", Mining(easy=0.0, repeat=2))
    assert again == mined


def test_a_share_of_what_is_right_stays_and_another_choice_goes_elsewhere(tmp_path: Path) -> None:
    source = _set(tmp_path / "set")
    mined = mine(_by_colour, source, tmp_path / "mined", Mining(easy=1.0, repeat=1))
    assert mined.written == 4
    with pytest.raises(datasets.DatasetError, match="write to another folder"):
        mine(_by_colour, source, tmp_path / "mined", Mining(easy=0.5))


def test_the_command(tmp_path: Path, tiny_student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _set(tmp_path / "set")
    command = ["mine", str(tmp_path / "set"), "--model", str(tiny_student), "--out", str(tmp_path / "mined")]
    assert main([*command, "--easy", "0"]) == 0
    assert "3 images; 1 false alarms, 1 craft seen wrongly, 2 neither" in capsys.readouterr().out
    assert len(datasets.load(tmp_path / "mined").samples) == 3
