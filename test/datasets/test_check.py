"""`check` tells everything that is wrong, and nothing of a set that is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from afss_ros.datasets import DatasetWriter, Instance, load
from afss_ros.datasets.check import check
from afss_ros.labels import CLASS_NAMES

LABELS = np.zeros((32, 48), np.uint8)
LABELS[10:20, 8:20] = 1
LABELS[12:18, 20:40] = 2


def _image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (32, 48, 3), np.uint8)


def _write(root: Path, *, box: tuple[float, ...] | None = None) -> Path:
    whole = Instance.from_mask("spacecraft", LABELS > 0)
    with DatasetWriter(root) as writer:
        for i in range(4):
            craft = whole if box is None or i else Instance("spacecraft", np.array(box, np.float32), whole.rle)
            writer.add(f"{i}", _image(i), LABELS, [craft], split="val" if i == 3 else "train", sequence=f"s{i // 3}")
    return root


def test_a_sound_set_has_no_problems_and_its_contents_are_counted(tmp_path: Path) -> None:
    findings = check(load(_write(tmp_path)))
    assert findings.problems == []
    assert findings.samples == {"train": 3, "val": 1}
    assert findings.sizes == {(48, 32): 4}
    assert findings.instances == {"spacecraft": 4}
    assert findings.pixels["body"] == 4 * 120
    assert sum(findings.pixels.values()) == 4 * 32 * 48


def _cut(root: Path) -> None:
    path = root / "images/0.jpg"
    path.write_bytes(path.read_bytes()[:-200])


def _flatten(root: Path) -> None:
    assert cv2.imwrite(str(root / "images/0.jpg"), np.zeros((32, 48, 3), np.uint8))


def _resize(root: Path) -> None:
    assert cv2.imwrite(str(root / "images/0.jpg"), np.zeros((16, 48, 3), np.uint8))


def _unknown_id(root: Path) -> None:
    assert cv2.imwrite(str(root / "labels/0.png"), LABELS + 9)


def _three_channels(root: Path) -> None:
    assert cv2.imwrite(str(root / "labels/0.png"), np.dstack([LABELS] * 3))


def _copy_across(root: Path) -> None:
    (root / "images/0.jpg").write_bytes((root / "images/3.jpg").read_bytes())


def _copy_within(root: Path) -> None:
    (root / "images/0.jpg").write_bytes((root / "images/1.jpg").read_bytes())


def _divide_sequence(root: Path) -> None:
    lines = root / "samples.jsonl"
    lines.write_text(lines.read_text().replace('"sequence":"s1"', '"sequence":"s0"'))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_cut, "was cut"),
        (_flatten, "one flat colour"),
        (_resize, "is 48x16, but the set says 48x32"),
        (_unknown_id, "id 9 "),
        (_three_channels, "one channel"),
        (_copy_across, "in the splits train, val"),
        (_copy_within, "the same picture 2 times"),
        (_divide_sequence, "divided between the splits"),
        (lambda root: (root / "images/0.jpg").unlink(), "images/0.jpg is missing"),
        (lambda root: (root / "labels/0.png").write_bytes(b"x"), "cannot be read as a picture"),
    ],
)
def test_what_is_spoilt_is_named(tmp_path: Path, spoil: Callable[[Path], None], reason: str) -> None:
    _write(tmp_path)
    spoil(tmp_path)
    problems = [str(p) for p in check(load(tmp_path)).problems]
    assert any(reason in p for p in problems), problems


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((8, 10, 60, 20), "leaves the image 48x32"),
        ((8, 10, 8, 20), "has no area"),
        ((8, 10, 30, 20), "its mask spans [8.0, 10.0, 40.0, 20.0]"),
    ],
)
def test_a_box_that_contradicts_is_named(tmp_path: Path, box: tuple[float, ...], reason: str) -> None:
    problems = [str(p) for p in check(load(_write(tmp_path, box=box))).problems]
    assert any(reason in p for p in problems), problems


@pytest.mark.parametrize("known_by", ["score", "provenance", "the provenance of a set it was made of"])
def test_a_detector_s_box_need_not_hug_its_mask_but_must_be_of_the_same_object(tmp_path: Path, known_by: str) -> None:
    """The mask spans 8, 10 to 40, 20."""
    whole = Instance.from_mask("spacecraft", LABELS > 0, 0.9 if known_by == "score" else 1.0)
    labelled = {"made_by": "afss label", "settings": {"refine": {"box_from": "detector"}}}
    provenance: dict[str, dict[str, Any]] = {
        "score": {},
        "provenance": labelled,
        "the provenance of a set it was made of": {"sets": [{"name": "flight", "provenance": labelled}]},
    }
    with DatasetWriter(tmp_path, provenance=provenance[known_by]) as writer:
        for key, box in {"loose": (5, 7, 44, 23), "another": (26, 10, 40, 20)}.items():
            craft = Instance("spacecraft", np.array(box, np.float32), whole.rle, whole.score)
            writer.add(key, _image(len(key)), LABELS, [craft])
    assert [p.where for p in check(load(tmp_path)).problems] == ["another"]


def test_boxes_that_afss_label_took_from_masks_must_hug_them(tmp_path: Path) -> None:
    loose = Instance("spacecraft", np.array((5, 7, 44, 23), np.float32), Instance.from_mask("", LABELS > 0).rle, 0.9)
    with DatasetWriter(tmp_path, provenance={"settings": {"refine": {"box_from": "mask"}}}) as writer:
        writer.add("loose", _image(0), LABELS, [loose])
    assert [p.where for p in check(load(tmp_path)).problems] == ["loose"]


def test_a_set_of_another_vocabulary_is_held_to_its_own(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path, class_names={**CLASS_NAMES, 9: "thruster"}) as writer:
        writer.add("a", _image(0), LABELS + np.uint8(9) * (LABELS == 0))
    assert check(load(tmp_path)).problems == []
