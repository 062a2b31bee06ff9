"""RF-DETR-Seg through rfdetr, which is optional: where it is absent, what needs it is skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
import torch

from afss_ros.datasets import Sample
from afss_ros.distill import families
from afss_ros.distill.errors import DistillError
from afss_ros.distill.families import rfdetr
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint

installed = pytest.mark.skipif(not rfdetr.is_installed(), reason="rfdetr (Apache-2.0, optional) is not installed")
SMALL = {"dec_layers": 2, "group_detr": 2, "num_queries": 24, "num_select": 24, "patch_size": 16}


@installed
def test_rfdetr_trains_exports_and_flies(small_recipe: Callable[..., Recipe], drawn_set: Path, tmp_path: Path) -> None:
    data = small_recipe().data.model_copy(update={"size": 96, "validation_size": 64})
    student = {"name": "rfdetr-seg-nano", "options": SMALL}
    perception, flown = tiny_runs.fly(
        "rfdetr-seg-nano", small_recipe, tmp_path, drawn_set, student=student, data=data.model_dump()
    )
    assert perception.labels is not None
    assert flown.contract.box_source == "boxes"
    from afss_ros.distill.families.rfdetr.export import rows_network

    tiny_runs.assert_same_in_onnx(rows_network(checkpoint.load_best(tmp_path), 64), 64)


@installed
def test_sides_that_do_not_divide_into_patches_are_refused(small_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    with pytest.raises(DistillError, match=r"multiples of 96, got 64 for data.size; take 96"):
        families.train(small_recipe(student={"name": "rfdetr-seg-nano"}), tmp_path, device="cpu")


@installed
def test_an_option_that_rfdetr_does_not_know_is_named(small_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    with pytest.raises(DistillError, match=r"student.options: .*decoder_layers"):
        families.train(
            small_recipe(student={"name": "rfdetr-seg-nano", "options": {"decoder_layers": 2}}), tmp_path, device="cpu"
        )


@installed
def test_pieces_of_parts_are_objects_and_specks_are_not() -> None:
    from afss_ros.distill.families.rfdetr import task

    labels = np.zeros((32, 32), np.uint8)
    labels[2:8, 2:12] = 2
    labels[20:30, 4:10] = 2
    labels[12:16, 20:26] = 1
    labels[0, 31] = 3
    numbers, kinds = task.numbered_pieces(labels)
    assert kinds[:4].tolist() == [2, 2, 1, 0]  # the larger panel, the other, the body; no antenna
    assert [int((numbers == n).sum()) for n in (1, 2, 3)] == [60, 60, 24]


@installed
def test_targets_are_classes_boxes_and_masks_of_craft_and_pieces() -> None:
    from afss_ros.distill.families.rfdetr import task

    crafts, pieces = torch.zeros(1, 16, 16, dtype=torch.uint8), torch.zeros(1, 16, 16, dtype=torch.uint8)
    crafts[0, 4:8, 0:8] = 1
    pieces[0, 4:8, 4:8] = 1
    (found,) = task.targets({"crafts": crafts, "pieces": pieces, "kinds": torch.tensor([[3]])}, torch.device("cpu"))
    assert found["labels"].tolist() == [0, 3]
    assert found["boxes"].tolist() == [[0.25, 0.375, 0.5, 0.25], [0.375, 0.375, 0.25, 0.25]]
    assert found["masks"].sum((1, 2)).tolist() == [32, 16]


@installed
def test_an_image_without_craft_has_no_targets() -> None:
    from afss_ros.distill.families.rfdetr import task

    blank = torch.zeros(1, 16, 16, dtype=torch.uint8)
    (found,) = task.targets({"crafts": blank, "pieces": blank, "kinds": torch.zeros(1, 48)}, torch.device("cpu"))
    assert found["boxes"].shape == (0, 4)
    assert found["masks"].shape == (0, 16, 16)


@installed
@pytest.mark.parametrize(
    ("labels", "parts", "told"),
    [
        (None, None, [False, False, False]),
        ("labels.png", None, [True, True, True]),
        ("labels.png", (), [False, False, False]),
        ("labels.png", ("panel",), [False, True, False]),
        ("labels.png", ("panel", "antenna"), [True, True, True]),
    ],
)
def test_a_part_is_told_where_it_was_looked_for(
    labels: str | None, parts: tuple[str, ...] | None, told: list[bool]
) -> None:
    from afss_ros.distill.families.rfdetr import task

    sample = Sample("key", Path("image.png"), None if labels is None else Path(labels), 64, 64, parts=parts)
    assert [task.tells(sample, part) for part in ("body", "panel", "antenna")] == told


@installed
def test_a_panel_found_where_nobody_looked_for_panels_costs_nothing() -> None:
    """RF-DETR's own losses: the gradient on a class that an image does not tell is 0, on all others as it was."""
    from afss_ros.distill.families.rfdetr import network, task
    from afss_ros.distill.recipe import StudentRecipe

    torch.manual_seed(0)
    logits = torch.randn(2, 24, 4, requires_grad=True)
    boxes = torch.rand(2, 24, 4) * 0.5 + 0.25
    found = {"pred_logits": logits, "pred_boxes": boxes, "aux_outputs": [{"pred_logits": logits, "pred_boxes": boxes}]}
    told = torch.tensor([[True, False, True, True], [True] * 4])
    rule = network.criterion(StudentRecipe.model_validate({"name": "rfdetr-seg-nano", "options": SMALL}))
    target = {
        "labels": torch.tensor([0]),
        "boxes": torch.tensor([[0.5, 0.5, 0.4, 0.4]]),
        "masks": torch.ones(1, 8, 8).bool(),
    }

    def gradient(of: dict[str, object]) -> torch.Tensor:
        loss = rule.loss_labels(of, [target] * 2, [(torch.tensor([3]), torch.tensor([0]))] * 2, 2)["loss_ce"]
        return torch.autograd.grad(loss, logits)[0]

    before, after = gradient(found), gradient(task.unasked(found, told))
    asked = told[:, None].expand_as(logits)
    assert bool(after.isfinite().all())
    assert after[~asked].abs().max().item() == 0
    assert before[~asked].abs().min().item() > 0
    torch.testing.assert_close(after[asked], before[asked])
    assert task.unasked(found, told)["aux_outputs"][0]["pred_logits"][0, 0, 1].item() == task._SILENT
