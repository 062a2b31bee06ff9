"""The loss is Meta's: its own code gave the numbers that stand here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from afss_ros.geo.sam2.losses import actual_iou, terms

# MultiStepMultiMasksAndIous of facebookresearch/sam2 (training/loss_fns.py, sam2 1.1.0) with the weights, the L1 and
# the object score of its sam2.1 training configuration, on what `questions` draws: mask (times 20), dice, iou, class.
META = [
    (1, (0.28822481632232666, 0.4457843005657196, 0.267855167388916, 1.0498464107513428)),
    (3, (0.2482452392578125, 0.44141989946365356, 0.24155211448669434, 0.898104190826416)),
]


def questions(rng: np.random.Generator, several: int) -> tuple[torch.Tensor, ...]:
    logits = torch.tensor(rng.normal(0, 2, (4, several, 12, 10)), dtype=torch.float32)
    ious = torch.tensor(rng.random((4, several)), dtype=torch.float32)
    objects = torch.tensor(rng.normal(0, 1, 4), dtype=torch.float32)
    truth = torch.tensor(rng.random((4, 12, 10)) < 0.3)
    truth[3] = False  # bare ground
    return logits, ious, objects, truth


def test_the_terms_are_those_of_metas_code() -> None:
    rng = np.random.default_rng(0)
    for several, (mask, dice, iou, object_) in META:
        found = terms(*questions(rng, several))
        expected = {"focal": 20 * mask, "dice": dice, "iou": iou, "object": object_}
        assert {k: float(v) for k, v in found.items()} == pytest.approx(expected, rel=1e-5)


def test_only_the_best_mask_learns_its_shape_and_bare_ground_none() -> None:
    logits, ious, objects, truth = questions(np.random.default_rng(1), 3)
    logits.requires_grad_()
    found = terms(logits, ious, objects, truth)
    (found["focal"] + found["dice"]).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    learning = logits.grad.flatten(2).abs().sum(-1) > 0
    assert learning.sum(dim=1).tolist() == [1, 1, 1, 0]


def test_pixels_that_nobody_knows_do_not_count() -> None:
    logits, ious, objects, truth = questions(np.random.default_rng(2), 1)
    known = torch.ones(12, 10, dtype=torch.bool)
    known[:, 7:] = False
    cut = terms(logits[..., :7], ious, objects, truth[..., :7])
    found = terms(logits, ious, objects, truth, known)
    assert {k: float(v) for k, v in found.items()} == pytest.approx({k: float(v) for k, v in cut.items()}, rel=1e-5)
    whole = actual_iou(truth[:, None], truth, known)
    assert whole[:3].flatten().tolist() == [1, 1, 1] and float(whole[3]) == 0
