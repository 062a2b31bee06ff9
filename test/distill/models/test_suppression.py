"""Each craft once, on boxes written by hand."""

from __future__ import annotations

import pytest
import torch

from afss_ros.distill.models.suppression import best, unsuppressed


def test_a_suppressed_box_suppresses_nobody() -> None:
    # Each overlaps the next by a half; the second goes, so the third stays, and the fourth goes.
    boxes = torch.tensor([[0.0, 0, 8, 4], [2, 0, 10, 4], [4, 0, 12, 4], [6, 0, 14, 4]])
    assert unsuppressed(boxes, torch.zeros(4), 0.5).tolist() == [1, 0, 1, 0]


def test_boxes_of_different_kinds_may_overlap() -> None:
    boxes = torch.tensor([[0.0, 0, 8, 4], [0, 0, 8, 4], [0, 0, 8, 4]])
    assert unsuppressed(boxes, torch.tensor([1, 2, 1]), 0.5).tolist() == [1, 1, 0]


def test_of_boxes_that_overlap_the_best_stays() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 0, 4, 4]])
    kept, scores = best(boxes, torch.tensor([0.6, 0.9, 0.5, 0.3]), rows=4)
    assert scores.tolist() == pytest.approx([0.9, 0.5, 0.3, 0.0])
    assert kept[:3].tolist() == boxes[[1, 2, 3]].tolist()
