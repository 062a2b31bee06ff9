"""`afss data`: check a set, and write it in another form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from afss_ros import cli
from afss_ros.datasets import DatasetError, DatasetWriter, Instance, load
from afss_ros.datasets.convert import convert

LABELS = np.zeros((32, 48), np.uint8)
LABELS[10:20, 8:20] = 1
LABELS[12:18, 20:40] = 2
IMAGE = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    with DatasetWriter(tmp_path / "set", provenance={"seed": 1}) as writer:
        writer.add("a", IMAGE, LABELS, [Instance.from_mask("spacecraft", LABELS > 0)], split="val", sequence="s")
    return tmp_path / "set"


@pytest.mark.parametrize("form", ["afss", "coco"])
def test_masks_and_boxes_survive_without_loss(written: Path, tmp_path: Path, form: str) -> None:
    assert convert(load(written), tmp_path / "out", form).samples == 1
    original, again = load(written)[0], load(tmp_path / "out")[0]
    assert original.instances is not None
    assert again.instances is not None
    np.testing.assert_array_equal(again.instances[0].mask(), original.instances[0].mask())
    np.testing.assert_array_equal(again.instances[0].box_xyxy, original.instances[0].box_xyxy)
    np.testing.assert_array_equal(again.read_image(), original.read_image())


def test_our_form_keeps_labels_splits_and_sequences(written: Path, tmp_path: Path) -> None:
    convert(load(written), tmp_path / "out", "afss")
    convert(load(written), tmp_path / "out", "afss")
    (again,) = load(tmp_path / "out")
    np.testing.assert_array_equal(again.read_labels(), LABELS)
    assert (again.split, again.sequence) == ("val", "s")


def test_a_form_that_nobody_writes_is_refused(written: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="afss, coco, yolo"):
        convert(load(written), tmp_path / "out", "tfrecord")


def test_the_commands(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "check", str(written)]) == 0
    assert "no problems" in capsys.readouterr().out
    assert cli.main(["data", "convert", str(written), "--to", "yolo-parts", "--out", str(tmp_path / "y")]) == 0
    assert (tmp_path / "y/labels/val/a.txt").read_text().count("\n") == 2
    (written / "labels/a.png").write_bytes(b"x")
    assert cli.main(["data", "check", str(written)]) == 3
    assert "labels/a.png" in "".join(capsys.readouterr().out.split())
