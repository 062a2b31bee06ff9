"""RF-DETR-Seg through rfdetr, which is optional: where it is absent, what needs it is skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
import torch

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
