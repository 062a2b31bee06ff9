"""What `afss run` writes as COCO is what pycocotools, and our own data sets, read and write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools.coco import COCO

from afss_ros.datasets import rle as reference
from afss_ros.images import encode_compressed
from afss_ros.run import Options, rle, run


@given(arrays(bool, st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_the_run_lengths_are_those_of_pycocotools(mask: NDArray[np.bool_]) -> None:
    assert rle.encode(mask) == reference.encode(mask)


def test_long_runs_and_their_negative_differences_survive() -> None:
    mask = np.zeros((1000, 1000), bool)
    mask[:, 300:301] = True
    mask[10:990, 700:] = True
    assert rle.encode(mask) == reference.encode(mask)


def test_the_coco_file_of_a_run_is_read_by_pycocotools(tmp_path: Path, tiny_student: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[30:50, 40:60] = 150
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "craft.png").write_bytes(encode_compressed(picture, "png"))
    run(Options(tmp_path / "pictures", tmp_path / "out", model=tiny_student, formats=("coco",)))
    coco = COCO(str(tmp_path / "out" / "detections.json"))
    (annotation,) = coco.loadAnns(coco.getAnnIds())
    assert coco.loadImgs(annotation["image_id"])[0]["file_name"] == "craft.png"
    assert coco.loadCats(annotation["category_id"])[0]["name"] == "spacecraft"
    mask = coco.annToMask(annotation)
    assert mask[40, 50] == 1
    assert mask.sum() == annotation["area"] == pytest.approx(20 * 20, rel=0.15)
