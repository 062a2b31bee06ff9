"""A small set of chips and a small SAM 2 from noise, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_teachers import save_sam2

from afss_ros.datasets import DatasetWriter
from afss_ros.datasets.form import WHOLE, Instance

SIDE = 64
STRETCH = {"low": [0.0] * 3, "high": [255.0] * 3, "percentiles": [2.0, 98.0]}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the Hub's."""
    return save_sam2(tmp_path_factory.mktemp("sam2") / "small", SIDE)


@pytest.fixture(scope="session")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three chips to learn from, one of them bare, and one to validate on."""
    root = tmp_path_factory.mktemp("chips") / "set"
    rng = np.random.default_rng(0)
    provenance = {"geo": {"stretch": STRETCH, "bands": [], "parts": ["building"]}}
    names = {0: "background", 1: "building", 2: WHOLE}
    with DatasetWriter(root, class_names=names, provenance=provenance) as writer:
        for key, split, boxes in (
            ("a", "train", [(6, 8, 30, 24), (36, 30, 60, 60), (10, 40, 24, 56)]),
            ("b", "train", [(20, 20, 44, 44)]),
            ("bare", "train", []),
            ("v", "val", [(8, 30, 32, 52), (40, 6, 58, 24)]),
        ):
            picture = rng.integers(30, 60, (SIDE, SIDE, 3)).astype(np.uint8)
            labels = np.zeros((SIDE, SIDE), np.uint8)
            found = []
            for x0, y0, x1, y1 in boxes:
                picture[y0:y1, x0:x1] = rng.integers(180, 230, 3)
                labels[y0:y1, x0:x1] = 1
                mask = np.zeros((SIDE, SIDE), bool)
                mask[y0:y1, x0:x1] = True
                found.append(Instance.from_mask(WHOLE, mask))
            writer.add(key, picture, labels, found, split, "", {}, "png", parts=("building",))
    return root
