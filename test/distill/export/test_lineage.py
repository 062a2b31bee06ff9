"""What a student says that its weights were trained on and started from; the runs here are files alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afss_ros.distill import families
from afss_ros.distill import recipe as recipes
from afss_ros.distill.export import lineage
from afss_ros.distill.export.to_onnx import ExportOptions, export_weights
from afss_ros.distill.families import efficientdet, onnx_file, rfdetr, yolo
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training import checkpoint

Make = Callable[..., Recipe]


def _student(**fields: Any) -> StudentRecipe:
    return StudentRecipe.model_validate(fields)


def _checkpoint(run: Path, recipe: Recipe, samples: int) -> Path:
    run.mkdir()
    checkpoint.save_best(run, checkpoint.Trained(recipe.model_dump(mode="json"), {}, (), (), samples=samples))
    return run


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"name": "fpn-efficientnet-lite0", "encoder_weights": "imagenet"}, "encoder from ImageNet weights"),
        ({"name": "fpn-efficientnet-lite0", "encoder_weights": "packaged"}, "encoder from ImageNet weights"),
        ({"name": "fpn-resnet-thin", "encoder_weights": "packaged"}, "started from noise"),
        ({"name": "unet-tiled", "encoder_weights": "packaged"}, "started from noise"),
        ({"name": "fpn-resnet18"}, "started from noise"),
    ],
)
def test_published_weights_say_what_the_encoder_began_with(
    small_recipe: Make, tmp_path: Path, fields: dict[str, str], start: str
) -> None:
    run = _checkpoint(tmp_path / "run", small_recipe(student=fields), 7)
    published = checkpoint.load_best(export_weights(run, tmp_path / "weights.safetensors"))
    assert published.seen == f"7 labelled images: drawn; {start}"


@pytest.mark.parametrize(
    ("start", "student", "words"),
    [
        (efficientdet.start, _student(name="efficientdet-lite0"), "started from noise"),
        (
            efficientdet.start,
            _student(name="efficientdet-lite0", encoder_weights="imagenet"),
            "encoder from ImageNet weights",
        ),
        (rfdetr.start, _student(name="rfdetr-seg-nano"), "started from noise"),
        (
            rfdetr.start,
            _student(name="rfdetr-seg-nano", options={"weights": "/far/rf-detr-seg-nano.pt"}),
            "started from rf-detr-seg-nano.pt",
        ),
    ],
)
def test_every_family_names_the_weights_that_it_began_with(
    start: Callable[[StudentRecipe], str], student: StudentRecipe, words: str
) -> None:
    assert start(student) == words


def test_a_run_that_started_from_another_tells_of_both(small_recipe: Make, tmp_path: Path) -> None:
    first = _checkpoint(tmp_path / "first", small_recipe(student={"name": "efficientdet-lite0"}), 5)
    student = {"name": "efficientdet-lite0", "initial": str(first)}
    second = _checkpoint(tmp_path / "second", small_recipe(student=student), 3)
    seen = lineage.of_checkpoint(checkpoint.load_best(second), efficientdet.start)
    assert seen == "3 labelled images: drawn; before that 5 labelled images: drawn; started from noise"
    (first / "best.pt").unlink()
    seen = lineage.of_checkpoint(checkpoint.load_best(second), efficientdet.start)
    assert seen == "3 labelled images: drawn; started from the run first"


def test_a_yolo_run_tells_of_the_one_it_started_from(small_recipe: Make, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for run, samples, initial in ((first, 5, None), (second, 3, str(first))):
        run.mkdir()
        student = {"name": "yolo11n-seg", "initial": initial}
        (run / "recipe.yaml").write_text(recipes.dump(small_recipe(student=student)))
        (run / "progress.json").write_text(json.dumps({"samples": samples}))
    assert yolo.seen(second) == "3 labelled images: drawn; before that 5 labelled images: drawn; started from noise"
    (first / "recipe.yaml").unlink()
    assert yolo.seen(second) == "3 labelled images: drawn; started from the run first"


def test_a_familys_file_carries_it_unless_the_exporter_says_otherwise(small_recipe: Make) -> None:
    class Graph:
        output_names = ("boxes", "scores", "classes")

        def __call__(self, image: Any) -> Any: ...

        def state_dict(self) -> dict[str, Any]:
            return {}

    def training_data(options: ExportOptions) -> str:
        outcome = families.Outcome(1, 7)
        described = onnx_file.meaning(
            small_recipe(), outcome, Graph(), options, seen="7 images", licence="Apache-2.0", library="none"
        )
        return described.training_data

    assert training_data(ExportOptions()) == "7 images"
    assert training_data(ExportOptions(training_data="a secret")) == "a secret"
