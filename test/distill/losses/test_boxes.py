"""Which cell answers for which craft, and what its guess costs, on boxes written by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from afss_ros.distill.losses.boxes import assign, box_losses
from afss_ros.distill.models.box_head import Boxes, BoxHead, cell_centres
from afss_ros.distill.models.suppression import best

NONE = [math.nan] * 4
GRID = (4, 8)
GRIDS = (GRID,)
STEPS = 80


def _truth(*rows: list[float]) -> Tensor:
    return torch.tensor([[*rows, NONE]])


def _sure(corners: Tensor, quality: float = 9.0) -> Boxes:
    return Boxes(corners, torch.full(corners.shape[:2], quality), GRIDS)


def test_cell_centres_go_row_by_row() -> None:
    assert cell_centres((2, 4), torch.device("cpu"))[[0, 1, 4]].tolist() == [
        [0.125, 0.25],
        [0.375, 0.25],
        [0.125, 0.75],
    ]


def test_the_middle_of_a_craft_answers_for_it_and_nothing_else() -> None:
    rows = assign([(10, 10)], _truth([0.0, 0.0, 1.0, 1.0])).reshape(10, 10)
    assert (rows[4:6, 4:6] == 0).all()
    assert int((rows == 0).sum()) == 16  # 0.35 to 0.65: two cells to each side of the middle
    assert int((rows == -1).sum()) == 84


@pytest.mark.parametrize("middle", [(0.5, 0.5), (0.51, 0.63), (0.999, 0.001), (0.125, 0.25)])
def test_the_smallest_craft_has_a_cell(middle: tuple[float, float]) -> None:
    x, y = middle
    rows = assign(GRIDS, _truth([x - 1e-3, y - 1e-3, x + 1e-3, y + 1e-3]))
    assert 1 <= int((rows == 0).sum()) <= 4


def test_the_smaller_of_two_craft_has_the_cells_that_both_claim() -> None:
    rows = assign([(20, 20)], _truth([0.0, 0.0, 1.0, 1.0], [0.45, 0.45, 0.55, 0.55]))
    assert int(rows.reshape(20, 20)[10, 10]) == 1
    assert set(rows.flatten().tolist()) == {0, 1, -1}


def test_every_craft_belongs_to_the_grid_of_its_size() -> None:
    grids = ((64, 64), (32, 32), (16, 16))
    small, middling, large = [0.1, 0.1, 0.25, 0.2], [0.3, 0.3, 0.6, 0.5], [0.0, 0.0, 1.0, 0.3]
    rows = assign(grids, _truth(small, middling, large))
    fine, coarse, coarsest = torch.split(rows, [64 * 64, 32 * 32, 16 * 16], 1)
    assert [set(rows.flatten().tolist()) for rows in (fine, coarse, coarsest)] == [{-1, 0}, {-1, 1}, {-1, 2}]


def test_a_right_and_sure_guess_costs_nothing() -> None:
    box = [0.25, 0.25, 0.75, 0.75]
    found = _sure(torch.tensor(box).expand(1, 32, 4))
    rows = assign(GRIDS, _truth(box))
    found = found._replace(quality=torch.where(rows >= 0, 20.0, -20.0))
    shape, quality = box_losses(found, _truth(box), torch.tensor([True]))
    assert shape.item() == pytest.approx(0, abs=1e-5)
    assert quality.item() == pytest.approx(0, abs=1e-5)


def test_quality_is_learned_as_the_overlap() -> None:
    """A guess of half the craft should be believed by half: sure of it costs more, and so does doubt."""
    truth = _truth([0.0, 0.0, 1.0, 1.0])
    half = torch.tensor([0.0, 0.0, 1.0, 0.5]).expand(1, 32, 4)
    costs = {}
    for chance in (0.1, 0.5, 0.9):
        rows = assign(GRIDS, truth)
        quality = torch.where(rows >= 0, math.log(chance / (1 - chance)), -20.0)
        costs[chance] = box_losses(Boxes(half, quality, GRIDS), truth, torch.tensor([True]))[1].item()
    assert costs[0.5] == pytest.approx(0, abs=1e-6)
    assert costs[0.1] > 0.01
    assert costs[0.9] > 0.01


def test_a_large_craft_counts_as_much_as_a_small_one() -> None:
    large, small = [0.0, 0.0, 0.8, 0.8], [0.9, 0.9, 0.94, 0.94]
    grids = ((40, 40),)
    rows = assign(grids, _truth(large, small))
    right = torch.tensor([large, small])[rows.clamp(min=0)]
    nowhere = torch.tensor([0.4, 0.9, 0.41, 0.91]).expand_as(right)
    quality = torch.zeros(1, 1600)
    costs = []
    for wrong in (0, 1):
        corners = torch.where((rows == wrong)[..., None], nowhere, right)
        costs.append(box_losses(Boxes(corners, quality, grids), _truth(large, small), torch.tensor([True]))[0].item())
    assert min(costs) > 0.5  # of 1 to 2 for a box that misses; 144 cells answer for the one, 4 for the other


def test_unknown_images_and_images_without_craft_do_not_move_the_boxes() -> None:
    corners = torch.rand(2, 32, 4, requires_grad=True)
    quality = torch.zeros(2, 32, requires_grad=True)
    truth = torch.tensor([[NONE], [[0.1, 0.1, 0.9, 0.9]]])
    shape, doubt = box_losses(Boxes(corners, quality, GRIDS), truth, torch.tensor([True, False]))
    (shape + doubt).backward()  # type: ignore[no-untyped-call]
    assert shape.item() == 0
    assert corners.grad is None or not corners.grad.any()
    assert quality.grad is not None and quality.grad[0].any() and not quality.grad[1].any()


def test_weight_0_is_an_image_that_is_not_there() -> None:
    torch.manual_seed(0)
    found = Boxes(torch.rand(2, 32, 2).repeat(1, 1, 2) + torch.tensor([0, 0, 0.3, 0.3]), torch.randn(2, 32), GRIDS)
    truth = torch.tensor([[[0.1, 0.1, 0.6, 0.9]], [[0.4, 0.2, 0.9, 0.7]]])
    known = torch.tensor([True, True])
    alone = box_losses(Boxes(found.corners[:1], found.quality[:1], GRIDS), truth[:1], known[:1])
    weighted = box_losses(found, truth, known, torch.tensor([1.0, 0.0]))
    assert [x.item() for x in weighted] == pytest.approx([x.item() for x in alone], rel=1e-5)


def test_a_cell_can_point_beyond_the_image_and_its_peak_stays_within() -> None:
    head = BoxHead(2, width=2).eval()
    torch.nn.init.constant_(head.sides.bias, 3.0)  # type: ignore[arg-type]
    with torch.inference_mode():
        found = head(torch.zeros(1, 2, 16, 32), 4)
    assert found.grids == ((8, 16), (4, 8), (2, 4))
    assert float(found.corners.min()) < 0 and float(found.corners.max()) > 1
    corners, _ = found.peaks()
    assert (float(corners.min()), float(corners.max())) == (0, 1)


def test_only_the_best_of_neighbouring_cells_is_a_peak() -> None:
    quality = torch.full((1, 32), -9.0)
    quality[0, [9, 10, 14]] = torch.tensor([1.0, 2.0, 0.5])
    _, scores = Boxes(torch.zeros(1, 32, 4), quality, GRIDS).peaks()
    assert [i for i in range(32) if scores[0, i] > 0.1] == [10, 14]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_two_craft_on_top_of_each_other_are_learned_as_two(seed: int) -> None:
    """What a label map cannot tell apart: eighty steps on one picture, at a rate that falls to nothing.

    At a constant rate the boxes swing around the truth, and the end of the training, which the order of sums decides,
    catches them anywhere.
    """
    torch.manual_seed(seed)
    features = torch.randn(1, 8, 64, 64)
    truth = torch.tensor([[[0.1, 0.1, 0.6, 0.6], [0.4, 0.4, 0.95, 0.95]]])
    head = BoxHead(8)
    optimiser = torch.optim.AdamW(head.parameters(), 1e-2)
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, STEPS)
    for _ in range(STEPS):
        shape, quality = box_losses(head(features, 4), truth, torch.tensor([True]))
        optimiser.zero_grad()
        (shape + quality).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        falling.step()
    with torch.inference_mode():
        corners, scores = head(features, 4).peaks()
    boxes, scores = best(corners[0], scores[0])
    found = sorted(boxes[:2].tolist())
    assert (scores[:2] > 0.5).all() and (scores[2:] < 0.5).all()
    torch.testing.assert_close(torch.tensor(found), truth[0], atol=0.03, rtol=0)
