"""A student of other parts than ours: label ids are matched by name, on the way in and on the way out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from afss_ros import datasets
from afss_ros.datasets import DatasetWriter
from afss_ros.distill.data import batches as data
from afss_ros.distill.data import classes
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import to_onnx as export
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint
from afss_ros.distill.training import loop as training
from afss_ros.labels import CLASS_NAMES
from afss_ros.perception import Frame
from afss_ros.student import Student

MakeRecipe = Callable[..., Recipe]
PARTS = ("body", "panel", "antenna", "thruster", "adapter")


@pytest.fixture(scope="module")
def foreign_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 pictures: a body and, bright red, a thruster, under ids that are not ours; a radiator too in the last."""
    root = tmp_path_factory.mktemp("sets") / "foreign"
    names = {0: "background", 1: "thruster", 5: "body", 6: "radiator"}
    rng = np.random.default_rng(1)
    with DatasetWriter(root, class_names=names) as writer:
        for i in range(8):
            image = rng.integers(0, 12, (64, 64, 3)).astype(np.uint8)
            labels = np.zeros((64, 64), np.uint8)
            y, x = rng.integers(8, 32, 2)
            for ids, colour, left, right in ((5, (200, 200, 200), 0, 16), (1, (230, 20, 20), 16, 24)):
                labels[y : y + 16, x + left : x + right] = ids
                image[y : y + 16, x + left : x + right] = colour
            if i == 7:
                labels[:4, :4] = 6
            writer.add(f"{i}", image, labels, split="val" if i % 4 == 3 else "train", image_format="png")
    return root


def test_our_own_sets_are_taken_as_they_are(drawn_set: Path) -> None:
    loaded = datasets.load(drawn_set)
    for ours, theirs in zip(classes.in_ids_of(classes.PARTS, loaded), loaded, strict=True):
        np.testing.assert_array_equal(ours.read_labels(), theirs.read_labels())
    assert classes.class_names(classes.PARTS) == CLASS_NAMES


def test_ids_are_matched_by_name_and_unknown_parts_do_not_count(foreign_set: Path) -> None:
    last = data.read_sets([foreign_set], None, PARTS)[-1]
    labels = last.read_labels()
    assert (labels[:4, :4] == 255).all()
    assert np.unique(labels).tolist() == [0, 1, 4, 255]
    raw = datasets.load(foreign_set)[-1].read_labels()
    assert ((labels == 1) == (raw == 5)).all()
    assert ((labels == 4) == (raw == 1)).all()


def test_a_student_of_many_parts_trains_exports_and_flies(
    foreign_set: Path, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe(
        data={"train": [str(foreign_set)], "size": 64, "validation_size": 64, "workers": 0},
        student={"name": "unet-tiled", "unet": {"base_filters": 8, "depth": 2}, "parts": PARTS},
        loss={"class_weights": []},
        augment={"scale": [1, 1.2], "tilt_degrees": 0, "colour": 0, "grey": 0, "noise": 0, "blur": 0, "jpeg": 0},
        budget={"iterations": 120}, validate_every=120, optimiser={"lr": 5e-3, "ema": 0.8}, batch=6,
    )  # fmt: skip
    training.train(recipe, tmp_path)
    scores = checkpoint.load_best(tmp_path).metrics
    assert scores["body_iou"] > 0.5
    assert scores["thruster_iou"] > 0.3
    assert "panel_iou" not in scores  # there is none
    out = export.export(tmp_path, tmp_path / "student.onnx", export.ExportOptions((64, 64), box_source="boxes"))
    with Student(out, provider="cpu", threads=1, score_threshold=0.0) as student:
        assert student.class_names == {0: "background", **dict(enumerate((*PARTS, "spacecraft"), start=1))}
        sample = datasets.load(foreign_set, "val")[0]
        seen = student(Frame(sample.read_image()))
    assert {d.class_name for d in seen.detections} == {"spacecraft"}
    thruster = sample.read_labels() == 1
    assert seen.labels is not None
    assert ((seen.labels == 4) & thruster).sum() > 0.3 * thruster.sum()


@pytest.mark.parametrize(
    ("student", "loss", "match"),
    [
        ({"parts": ["body", "body"]}, {}, "body named twice"),
        ({"parts": ["body", "spacecraft"]}, {}, "spacecraft named twice"),
        ({"parts": ["body", "panel"]}, {}, "4 values for 3 label ids"),
    ],
)
def test_parts_that_cannot_be_told_apart_are_refused(
    small_recipe: MakeRecipe, student: dict[str, object], loss: dict[str, object], match: str
) -> None:
    with pytest.raises(DistillError, match=match):
        small_recipe(student=student, loss=loss)
