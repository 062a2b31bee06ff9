"""A pixel that is one of several classes asks for any of them, and for nothing else."""

from __future__ import annotations

import math

import pytest
import torch

from afss_ros.distill.data.classes import ANY_PART, OPEN, REST
from afss_ros.distill.losses.partial import pooled, remembered
from afss_ros.distill.losses.segmentation import cross_entropy, dice_loss, lovasz_softmax

BODY_OR_PANEL = torch.tensor([[False, True, True, False]])
CHANCES = torch.tensor([0.1, 0.2, 0.3, 0.4])


def _logits(*pixels: torch.Tensor) -> torch.Tensor:
    """Logits (1, 4, 1, N) of pixels with these chances."""
    return torch.stack([p.log() for p in pixels], 1)[None, :, None]


def test_labels_that_are_sure_are_left_alone() -> None:
    logits, labels = torch.randn(2, 4, 3, 3), torch.randint(0, 4, (2, 3, 3))
    labels[0, 0, 0] = 255
    again = pooled(logits, labels, BODY_OR_PANEL.expand(2, -1))
    assert again[0] is logits
    assert again[1] is labels


@pytest.mark.parametrize(("label", "chance"), [(REST, 0.2 + 0.3), (ANY_PART, 0.2 + 0.3 + 0.4)])
def test_the_loss_is_of_the_sum_of_what_a_pixel_may_be(label: int, chance: float) -> None:
    logits, labels = pooled(_logits(CHANCES), torch.tensor([[[label]]]), BODY_OR_PANEL)
    assert labels.tolist() == [[[1]]]
    assert float(cross_entropy(logits, labels)) == pytest.approx(-math.log(chance), abs=1e-5)
    assert logits.softmax(1)[0, :, 0, 0].tolist() == pytest.approx([0.1, chance, 0, 0.9 - chance], abs=1e-5)


def test_where_panels_alone_are_labelled_nothing_but_a_panel_is_wrong() -> None:
    anything_else = torch.tensor([[True, True, False, True]])
    logits, labels = pooled(_logits(CHANCES), torch.tensor([[[OPEN]]]), anything_else)
    assert labels.tolist() == [[[0]]]
    assert float(cross_entropy(logits, labels)) == pytest.approx(-math.log(0.7), abs=1e-5)


def test_no_part_of_them_is_asked_for_and_the_others_are_pushed_away() -> None:
    """Sure of panel where it may be body or panel: nothing to learn. Sure of antenna or background: much."""
    for chances, wrong in (
        ([0.001, 0.001, 0.997, 0.001], False),
        ([0.001, 0.997, 0.001, 0.001], False),
        ([0.001, 0.001, 0.001, 0.997], True),
        ([0.997, 0.001, 0.001, 0.001], True),
    ):
        logits, labels = pooled(_logits(torch.tensor(chances)), torch.tensor([[[REST]]]), BODY_OR_PANEL)
        for loss in (cross_entropy, dice_loss, lovasz_softmax):
            value = float(loss(logits, labels))
            assert (value > 0.2) == wrong, (loss.__name__, chances, value)


def test_gradients_are_finite_and_pull_the_sum_up_alone() -> None:
    raw = _logits(CHANCES, CHANCES, CHANCES).requires_grad_()
    logits, labels = pooled(raw, torch.tensor([[[REST, 2, 255]]]), BODY_OR_PANEL)
    (gradient,) = torch.autograd.grad(cross_entropy(logits, labels) + dice_loss(logits, labels), raw)
    assert bool(gradient.isfinite().all())
    doubtful, sure, unlabelled = gradient[0, :, 0].unbind(1)
    # Body and panel rise in the ratio that they have; nothing says which of them it is.
    assert float(doubtful[1] / doubtful[2]) == pytest.approx(0.2 / 0.3, abs=1e-4)
    assert float(doubtful[1]) < 0 < float(doubtful[0])
    assert float(sure[2]) < 0 < float(sure[1])
    assert unlabelled.abs().max() == 0


def test_each_image_of_a_batch_has_its_own_doubt() -> None:
    rest = torch.tensor([[False, True, True, False], [False, True, False, True]])
    logits, _ = pooled(_logits(CHANCES).expand(2, -1, -1, -1), torch.full((2, 1, 1), REST), rest)
    assert logits.softmax(1)[:, 1, 0, 0].tolist() == pytest.approx([0.5, 0.6], abs=1e-5)


def test_what_was_known_of_pixels_in_doubt_is_remembered_by_its_shares() -> None:
    """Twice as sure that it is craft changes nothing; body for panel does, by the divergence of the shares."""
    before = _logits(CHANCES, CHANCES)
    labels = torch.tensor([[[REST, 1]]])
    surer = _logits(torch.tensor([0.05, 0.38, 0.57, 0.0001]), torch.tensor([0.97, 0.01, 0.01, 0.01]))
    assert float(remembered(surer, before, labels, BODY_OR_PANEL)) == pytest.approx(0, abs=1e-5)

    turned = _logits(torch.tensor([0.1, 0.45, 0.05, 0.4]), CHANCES)
    expected = 0.4 * math.log(0.4 / 0.9) + 0.6 * math.log(0.6 / 0.1)
    assert float(remembered(turned, before, labels, BODY_OR_PANEL)) == pytest.approx(expected, abs=1e-5)


def test_nothing_is_remembered_where_every_pixel_is_sure() -> None:
    before, now = torch.randn(2, 4, 2, 2), torch.randn(2, 4, 4, 4, requires_grad=True)
    labels = torch.randint(0, 4, (2, 4, 4))
    labels[0, 0, 0] = 255
    loss = remembered(now, before, labels, BODY_OR_PANEL.expand(2, -1))
    (gradient,) = torch.autograd.grad(loss, now)
    assert loss.item() == 0
    assert gradient.abs().max().item() == 0
