"""Suppression and mask assembly, on boxes and masks small enough to check by eye."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from afss_ros.distill.families.instances import InstanceGraph


class Says(nn.Module):
    """A network that always says the same."""

    def __init__(self, rows: Tensor, prototypes: Tensor) -> None:
        super().__init__()
        self.rows, self.prototypes = rows, prototypes

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.rows, self.prototypes


def _graph(prototypes: Tensor, chances: list[list[float]], **options: float) -> InstanceGraph:
    """Two anchors on an 8 x 8 image: the left half and all of it; classes spacecraft (4), body (1), panel (2)."""
    corners = [[0.0, 0], [0, 0], [4, 8], [8, 8]]
    rows = torch.tensor([*corners, *chances])[None]
    network = Says(rows, prototypes[None])
    return InstanceGraph(network, (4, 1, 2), (8, 8), 1, confidence=0.25, crafts=2, pieces=4, **options)


def test_the_better_of_two_overlapping_parts_gives_the_label() -> None:
    everywhere = torch.full((2, 8, 8), 9.0)
    labels, confidence, boxes, scores, classes = _graph(everywhere, [[0.1, 0.9], [0.0, 0.5], [0.8, 0.0]])(_blank())
    assert labels[0, :, :3].unique().tolist() == [2]  # the panel's box is the left half
    assert labels[0, :, 5:].unique().tolist() == [1]
    assert float(confidence[0, 0, 0]) == pytest.approx(0.8 * 255, abs=1.5)
    assert boxes[0, 0].tolist() == [0, 0, 8, 8]
    assert scores[0].tolist() == pytest.approx([0.9, 0.1])
    assert classes[0].tolist() == [4, 4]


def test_what_no_mask_covers_is_background() -> None:
    top = torch.full((2, 8, 8), -9.0)
    top[:, :4] = 9.0
    labels, confidence, *_ = _graph(top, [[0.0, 0.9], [0.0, 0.6], [0.0, 0.0]])(_blank())
    assert labels[0, :3].unique().tolist() == [1]
    assert labels[0, 5:].unique().tolist() == [0]
    assert (confidence[0, 7] > 250).all()


def test_doubtful_parts_do_not_enter_the_label_map() -> None:
    labels, *_ = _graph(torch.full((2, 8, 8), 9.0), [[0.0, 0.9], [0.0, 0.2], [0.1, 0.0]])(_blank())
    assert not labels.any()


def _blank() -> Tensor:
    return torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
