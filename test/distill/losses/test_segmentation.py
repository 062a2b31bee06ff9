"""Losses against values worked out by hand, and against the libraries that people trust."""

import math

import pytest
import torch
from segmentation_models_pytorch.losses import DiceLoss, LovaszLoss
from torchvision.ops import box_iou, generalized_box_iou

from afss_ros.distill.losses import segmentation as losses
from afss_ros.distill.recipe import LossRecipe


def _logits(chances: list[list[float]]) -> torch.Tensor:
    """One row of pixels, each given by the chances of its classes: (1, C, 1, W)."""
    return torch.tensor(chances).T.log().reshape(1, len(chances[0]), 1, len(chances))


def test_cross_entropy_is_the_mean_over_labelled_pixels() -> None:
    logits = _logits([[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]])
    labels = torch.tensor([[[0, 1, 255]]])
    assert losses.cross_entropy(logits, labels).item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)


def test_dice_of_one_class_by_hand() -> None:
    logits = _logits([[0.5, 0.5], [0.2, 0.8], [0.4, 0.6]])
    labels = torch.tensor([[[0, 1, 255]]])
    # overlap 0.8, chance 0.5 + 0.8, truth 1
    assert losses.dice_loss(logits, labels, smooth=0.0).item() == pytest.approx(1 - 2 * 0.8 / 2.3)


def test_dice_agrees_with_segmentation_models_pytorch() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 16, 16), torch.randint(0, 4, (2, 16, 16))
    reference = DiceLoss("multiclass", classes=[1, 2, 3], from_logits=True)(logits, labels)
    assert losses.dice_loss(logits, labels, smooth=0.0).item() == pytest.approx(reference.item(), abs=1e-5)


def test_a_class_that_is_absent_does_not_dilute_dice() -> None:
    logits = _logits([[0.5, 0.5, 0.0 + 1e-9]])
    labels = torch.tensor([[[1]]])
    assert losses.dice_loss(logits, labels, smooth=0.0).item() == pytest.approx(1 - 1.0 / 1.5, abs=1e-6)


def test_nothing_labelled_gives_zero_and_finite_gradients() -> None:
    logits = torch.randn(1, 4, 4, 4, requires_grad=True)
    labels = torch.full((1, 4, 4), 255)
    terms = losses.segmentation_loss(logits, labels, LossRecipe(boundary=1.0, lovasz=1.0))  # type: ignore[call-arg]
    total = torch.stack(list(terms.values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    assert set(terms) == {"cross_entropy", "dice", "boundary", "lovasz"}
    assert total.item() == 0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_the_boundary_band_hugs_the_change_of_label() -> None:
    labels = torch.tensor([[[0, 0, 0, 1, 1, 1, 1]]]).repeat(1, 3, 1)
    assert losses.boundary_band(labels, 1)[0, 1].tolist() == [False, False, True, True, False, False, False]


def test_giou_agrees_with_torchvision() -> None:
    torch.manual_seed(0)
    corners = torch.rand(2, 9, 2, 2).sort(2).values
    a, b = corners.reshape(2, 9, 4)
    torch.testing.assert_close(losses.giou(a, b), generalized_box_iou(a, b).diag(), atol=1e-5, rtol=1e-5)


def test_iou_agrees_with_torchvision() -> None:
    torch.manual_seed(0)
    a, b = torch.rand(2, 9, 2, 2).sort(2).values.reshape(2, 9, 4)
    torch.testing.assert_close(losses.iou(a, b), box_iou(a, b).diag(), atol=1e-5, rtol=1e-5)


def test_giou_of_boxes_side_by_side_by_hand() -> None:
    a, b = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[2.0, 0, 3, 1]])
    assert losses.giou(a, b).item() == pytest.approx(-1 / 3)


def test_lovasz_agrees_with_segmentation_models_pytorch() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 16, 16), torch.randint(0, 4, (2, 16, 16))
    labels[:, :3] = 255
    reference = LovaszLoss("multiclass", ignore_index=255, from_logits=True)(logits, labels)
    assert losses.lovasz_softmax(logits, labels).item() == pytest.approx(reference.item(), abs=1e-5)


def test_in_lovasz_weight_2_is_the_image_twice_and_weight_0_is_none() -> None:
    torch.manual_seed(1)
    logits, labels = torch.randn(2, 4, 8, 8), torch.randint(0, 4, (2, 8, 8))
    twice = losses.lovasz_softmax(logits[[0, 1, 1]], labels[[0, 1, 1]])
    assert losses.lovasz_softmax(logits, labels, torch.tensor([1.0, 2.0])).item() == pytest.approx(
        twice.item(), abs=1e-5
    )
    alone = losses.lovasz_softmax(logits[:1], labels[:1])
    assert losses.lovasz_softmax(logits, labels, torch.tensor([0.5, 0.0])).item() == pytest.approx(
        alone.item(), abs=1e-5
    )


def test_lovasz_of_hard_decisions_is_one_minus_the_mean_iou() -> None:
    labels = torch.tensor([[[0, 0, 1, 1, 1, 1]]])
    decided = torch.tensor([[[0, 0, 0, 1, 1, 1]]])
    logits = 100.0 * torch.nn.functional.one_hot(decided, 2).permute(0, 3, 1, 2).float()
    assert losses.lovasz_softmax(logits, labels).item() == pytest.approx(1 - (2 / 3 + 3 / 4) / 2)


def test_a_small_craft_counts_more_than_its_pixels() -> None:
    labels = torch.zeros(2, 32, 32, dtype=torch.long)
    labels[0, 10:12, 10:12] = 1
    labels[1, :16] = 2
    times = losses.small_craft_emphasis(labels, 0.5)
    assert times[0, 10, 10].item() == pytest.approx((0.05 * 1024 / 4) ** 0.5)
    assert times[0, 8, 8] == times[0, 10, 10]  # what lies beside it decides its outline
    assert times[0, 31, 31] == 1
    assert (times[1] == 1).all()
    assert (losses.small_craft_emphasis(labels, 0.0) == 1).all()


def test_emphasis_is_on_top_of_the_plain_mean() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(1, 3, 4, 4), torch.randint(0, 3, (1, 4, 4))
    plain = losses.cross_entropy(logits, labels, (1.0, 2.0, 3.0))
    twice = losses.cross_entropy(logits, labels, (1.0, 2.0, 3.0), emphasis=torch.full((1, 4, 4), 2.0))
    assert twice.item() == pytest.approx(2 * plain.item(), rel=1e-5)


def test_background_taken_for_craft_counts_more_and_nothing_else_does() -> None:
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 1] = torch.tensor([[9.0, -9.0, -9.0]])  # sure of craft at the first pixel, of background at the others
    labels = torch.tensor([[[0, 0, 1]]])
    emphasis = losses.false_alarm_emphasis(logits, labels, 4.0)
    assert torch.allclose(emphasis, torch.tensor([[[5.0, 1.0, 1.0]]]), atol=1e-3)
    plain = losses.segmentation_loss(logits, labels, LossRecipe(dice=0.0, class_weights=()))  # type: ignore[call-arg]
    weighted = losses.segmentation_loss(
        logits,
        labels,
        LossRecipe(dice=0.0, class_weights=(), false_alarms=4.0),  # type: ignore[call-arg]
    )
    each = -logits.log_softmax(1).gather(1, labels[:, None])[0, 0, 0]
    assert weighted["cross_entropy"] - plain["cross_entropy"] == pytest.approx(4 * float(each[0]) / 3, rel=1e-3)
