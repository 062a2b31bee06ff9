"""Run lengths of masks, by eye."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.run.rle import encode, run_lengths


@pytest.mark.parametrize(
    ("rows", "lengths"),
    [
        ([[0, 0], [0, 0]], [4]),
        ([[1, 1], [1, 1]], [0, 4]),
        ([[0, 1], [1, 0]], [1, 2, 1]),
        ([[1, 0], [0, 1]], [0, 1, 2, 1]),
    ],
)
def test_runs_go_down_the_columns_and_start_with_zeros(rows: list[list[int]], lengths: list[int]) -> None:
    assert run_lengths(np.array(rows, bool)) == lengths


def test_a_mask_is_written_as_the_coco_api_writes_it() -> None:
    # The string is pycocotools' own for this mask; test/datasets/test_run_coco.py compares many more.
    mask = np.zeros((9, 40), bool)
    mask[2:7, 5:33] = True
    assert encode(mask) == {"size": [9, 40], "counts": "_15400000000000000000000000000000000000000000000000000000m1"}
