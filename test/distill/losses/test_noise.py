"""What is done about labels that may be wrong: each term by hand, and what it is for."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from afss_ros import datasets
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.distill.data.weights import sample_weight
from afss_ros.distill.errors import DistillError
from afss_ros.distill.losses import noise
from afss_ros.distill.losses import segmentation as losses
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.search import noise_study
from afss_ros.distill.training import checkpoint
from afss_ros.distill.training import loop as training

MakeRecipe = Callable[..., Recipe]


def logits_of(chances: list[list[float]]) -> torch.Tensor:
    """One row of pixels, each given by the chances of its classes: (1, C, 1, W)."""
    return torch.tensor(chances).T.log().reshape(1, len(chances[0]), 1, len(chances))


def test_generalised_cross_entropy_by_hand() -> None:
    logits, labels = logits_of([[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]]), torch.tensor([[[0, 1, 255]]])
    expected = ((1 - 0.5**0.7) / 0.7 + (1 - 0.75**0.7) / 0.7) / 2
    assert noise.generalised_cross_entropy(logits, labels, 0.7).item() == pytest.approx(expected)


def test_generalised_cross_entropy_lies_between_cross_entropy_and_the_absolute_error() -> None:
    logits, labels = logits_of([[0.3, 0.7]]), torch.tensor([[[0]]])
    assert noise.generalised_cross_entropy(logits, labels, 1e-4).item() == pytest.approx(-math.log(0.3), abs=1e-3)
    assert noise.generalised_cross_entropy(logits, labels, 1.0).item() == pytest.approx(0.7)


def test_a_label_that_contradicts_all_else_pulls_less_than_in_cross_entropy() -> None:
    pulls = []
    for loss in (losses.cross_entropy, lambda x, y: noise.generalised_cross_entropy(x, y, 0.7)):
        logits = logits_of([[0.999, 0.001]]).requires_grad_()
        loss(logits, torch.tensor([[[1]]])).backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None
        pulls.append(float(logits.grad.abs().max()))
    assert pulls[1] < pulls[0] / 50


def test_soft_targets_are_met_by_the_teachers_own_logits_and_else_cost_their_divergence() -> None:
    teacher = torch.randn(1, 4, 8, 8)
    assert noise.soft_targets(teacher, teacher, 2.0).item() == pytest.approx(0, abs=1e-6)
    found, wanted = logits_of([[0.5, 0.5]]), logits_of([[0.8, 0.2]])
    divergence = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    assert noise.soft_targets(found, wanted, 1.0).item() == pytest.approx(divergence)


def test_an_image_of_weight_0_does_not_count() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 8, 8), torch.randint(0, 4, (2, 8, 8))
    only_first = torch.tensor([1.0, 0.0])
    weighted: tuple[Callable[[Tensor, Tensor, Tensor | None], Tensor], ...] = (
        lambda x, y, w: losses.cross_entropy(x, y, (1.0, 1.0, 1.0, 2.0), w),
        lambda x, y, w: losses.dice_loss(x, y, w, smooth=0.0),
        lambda x, y, w: losses.boundary_loss(x, y, weight=w),
        lambda x, y, w: noise.generalised_cross_entropy(x, y, 0.7, w),
    )
    for loss in weighted:
        assert loss(logits, labels, only_first).item() == pytest.approx(
            loss(logits[:1], labels[:1], None).item(), rel=1e-5
        )


def scored_sample(**scores: float) -> datasets.Sample:
    craft, part = (Instance(n, torch.tensor([0, 0, 4, 4.0]).numpy(), score=0.3) for n in ("spacecraft", "panel"))
    attributes = {"scores": [scores, {"agreement": 0.9}]}
    return datasets.Sample("a", Path("a.png"), None, 8, 8, (craft, part), attributes=attributes)


def test_the_weight_of_an_image_is_the_score_of_its_craft() -> None:
    sample = scored_sample(agreement=0.4)
    assert sample_weight(sample, "agreement") == 0.4
    assert sample_weight(sample, "score") == pytest.approx(0.3)
    assert sample_weight(sample, "") == 1.0
    truth = datasets.Sample("b", Path("b.png"), None, 8, 8, ())
    assert sample_weight(truth, "agreement") == 1.0


def test_weighting_by_a_score_that_nothing_has_is_refused(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    options = small_recipe(distillation={"weight_by": "agreement"}, budget={"iterations": 1})
    with pytest.raises(DistillError, match="no image has the score 'agreement'; there are score"):
        training.train(options, tmp_path)


def test_weights_reach_the_losses(small_recipe: MakeRecipe, drawn_set: Path, tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "weak") as writer:
        for sample in datasets.load(drawn_set):
            writer.add(
                sample.key, sample.read_image(), sample.read_labels(), sample.instances, sample.split,
                attributes={"scores": [{"agreement": 0.0}]}, image_format="png",
            )  # fmt: skip
    data = {**small_recipe().data.model_dump(mode="json"), "train": [str(tmp_path / "weak")]}
    told: list[float] = []
    training.train(
        small_recipe(
            data=data, distillation={"weight_by": "agreement"}, loss={"presence": 0}, budget={"iterations": 2}
        ),
        tmp_path / "run",
        lambda progress: told.append(progress.loss),
    )
    # Nothing counts but Dice's smoothing: (1 - 1 / 1) = 0.
    assert told == pytest.approx([0, 0])


def test_a_student_learns_from_a_teachers_probabilities_without_a_single_label(
    small_recipe: MakeRecipe, drawn_set: Path, run: Path, tmp_path: Path
) -> None:
    with DatasetWriter(tmp_path / "unlabelled") as writer:
        for sample in datasets.load(drawn_set, "train"):
            writer.add(sample.key, sample.read_image(), split="train", image_format="png")
    data = small_recipe().data.model_dump(mode="json")
    data |= {"train": [str(tmp_path / "unlabelled")], "validation": [str(drawn_set)]}
    trained = training.train(
        small_recipe(
            data=data, distillation={"teacher": str(run)}, optimiser={"lr": 3e-3, "ema": 0.9},
            budget={"iterations": 60}, validate_every=100,
        ),
        tmp_path / "run",
    )  # fmt: skip
    assert trained.metrics["whole_iou"] > 0.5


def test_a_run_from_before_a_key_existed_goes_on(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    options = small_recipe(budget={"iterations": 1})
    training.train(options, tmp_path)
    saved = checkpoint.load(tmp_path / "last.pt")
    del saved["recipe"]["distillation"]
    checkpoint.save(tmp_path / "last.pt", saved)
    assert training.train(options, tmp_path).step == 1


def test_the_study_spoils_a_known_share_of_labels_and_ignoring_leaves_only_what_is_true(tmp_path: Path) -> None:
    clean = noise_study.draw(tmp_path / "clean", 60)
    true = {s.key: s.read_labels() for s in datasets.load(clean, "train")}
    noisy = {s.key: s for s in datasets.load(noise_study.spoil(clean, tmp_path / "noisy"))}
    wrong = {key for key, labels in true.items() if (noisy[key].read_labels() != labels).any()}
    assert 0.25 < len(wrong) / len(true) < 0.55
    scores = {key: sample_weight(sample, "agreement") for key, sample in noisy.items()}
    trusted = [scores[key] for key in true.keys() - wrong]
    assert max(scores[key] for key in wrong) < sum(trusted) / len(trusted)
    for sample in datasets.load(noise_study.spoil(clean, tmp_path / "ignored", ignore=True)):
        labels = sample.read_labels()
        assert ((labels == true[sample.key]) | (labels == 255)).all()
