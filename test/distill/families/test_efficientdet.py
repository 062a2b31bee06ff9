"""EfficientDet learns the boxes of craft, resumes, and flies as a student that gives boxes alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from tiny_runs import assert_same_rows

from afss_ros import datasets
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.distill import families
from afss_ros.distill import recipe as recipes
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.families.efficientdet.detection import Detection
from afss_ros.distill.families.efficientdet.export import rebuild
from afss_ros.distill.families.efficientdet.network import Detector, Found, anchors, config_of, decode
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training import checkpoint
from afss_ros.distill.training.loop import Progress
from afss_ros.evaluation.metrics import detection
from afss_ros.perception import Frame
from afss_ros.student import Student

NAME = "efficientdet-lite0"
SIDE = 128


class KilledError(Exception):
    """Stands for kill -9 between two steps."""


@pytest.fixture(scope="module")
def two_crafts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 pictures of 128 x 128 with two bright squares each, known by their boxes alone."""
    rng = np.random.default_rng(2)
    with DatasetWriter(tmp_path_factory.mktemp("sets") / "squares") as writer:
        for i in range(12):
            image = rng.integers(0, 12, (SIDE, SIDE, 3)).astype(np.uint8)
            crafts = []
            for left in (4, 68):
                side = int(rng.integers(28, 40))
                x, y = left + int(rng.integers(0, 56 - side)), int(rng.integers(4, 120 - side))
                image[y : y + side, x : x + side] = rng.integers(150, 250, 3)
                crafts.append(Instance("spacecraft", np.array([x, y, x + side, y + side], np.float32)))
            writer.add(f"{i:02d}", image, None, crafts, split="val" if i % 4 == 0 else "train", image_format="png")
    return writer.root


@pytest.fixture(scope="module")
def make(two_crafts: Path) -> Callable[..., Recipe]:
    def recipe(**changes: object) -> Recipe:
        document = {
            "data": {"train": [str(two_crafts)], "size": SIDE, "validation_size": SIDE, "workers": 0},
            "augment": {"scale": [1, 1.1], "tilt_degrees": 0, "noise": 0, "blur": 0, "jpeg": 0},
            "student": {"name": NAME},
            "optimiser": {"lr": 2e-3, "ema": 0.8},
            "budget": {"iterations": 3},
            "batch": 8,
        }
        return recipes.parse(document | changes)

    return recipe


@pytest.fixture(scope="module")
def run(make: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run long enough to find the squares, from ImageNet weights, killed on the way and taken up again."""
    root = tmp_path_factory.mktemp("efficientdet")
    options = make(
        student={"name": NAME, "encoder_weights": "imagenet"}, budget={"iterations": 60}, batch=4, validate_every=10,
        optimiser={"lr": 3e-3, "ema": 0.8},
    )  # fmt: skip

    def kill(progress: Progress) -> None:
        if progress.step == 22:
            raise KilledError

    with pytest.raises(KilledError):
        families.train(options, root, kill)
    assert checkpoint.load(root / "last.pt")["step"] == 20
    outcome = families.train(options, root)
    assert outcome.metrics["box_ap50"] > 0.5, outcome.metrics
    return root


@pytest.fixture(scope="module")
def student_file(run: Path) -> Path:
    return families.export(run, run / "student.onnx", ExportOptions((SIDE, SIDE)))


def test_it_flies_and_finds_both_crafts(student_file: Path, two_crafts: Path) -> None:
    sample = datasets.load(two_crafts, "val")[0]
    with Student(student_file, provider="cpu", threads=1, score_threshold=0.2) as student:
        seen = student(Frame(sample.read_image()))
        assert student.contract.family == NAME
        assert student.contract.licence == "Apache-2.0"
        assert student.contract.labels_size is None
        assert "effdet" in student.contract.producer
    assert seen.labels is None
    assert sample.instances is not None
    for truth in sample.instances:
        overlaps = [detection.box_iou(truth.box_xyxy, d.box_xyxy) for d in seen.detections]
        assert max(overlaps) > 0.5
    assert {d.class_name for d in seen.detections} == {"spacecraft"}
    assert max(detection.box_iou(truth.box_xyxy, seen.detections[0].box_xyxy) for truth in sample.instances) > 0.3


def test_onnx_runtime_and_torch_agree(run: Path, student_file: Path, two_crafts: Path) -> None:
    graph = rebuild(checkpoint.load_best(run), ExportOptions((SIDE, SIDE)))
    session = onnxruntime.InferenceSession(str(student_file), providers=["CPUExecutionProvider"])
    assert not any("NonMaxSuppression" in line for line in student_file.read_bytes().decode("latin1").splitlines())
    for sample in datasets.load(two_crafts, "val"):
        image = sample.read_image()[None]
        boxes, scores, classes = session.run(["boxes", "scores", "classes"], {"image": image})
        with torch.inference_mode():
            wanted = [o.numpy() for o in graph(torch.from_numpy(image))]
        assert_same_rows((boxes[0], scores[0]), (wanted[0][0], wanted[1][0]), least=0.1, pixels=0.05, score=1e-3)
        assert (classes == 4).all()


def test_crops_carry_every_craft_that_shows(make: Callable[..., Recipe], two_crafts: Path) -> None:
    sample = datasets.load(two_crafts, "train")[0]
    still = make(augment={"scale": [1, 1], "rotate": False, "tilt_degrees": 0})
    example = Detection().example(np.random.default_rng(0), sample, still)
    used = example["kinds"] > 0
    assert int(used.sum()) == 2
    assert sample.instances is not None
    wanted = np.array([i.box_xyxy[[1, 0, 3, 2]] for i in sample.instances])
    assert example["boxes"][used].numpy() == pytest.approx(wanted, abs=0.01)


def test_images_that_nobody_searched_teach_nothing(make: Callable[..., Recipe]) -> None:
    recipe = make()
    found = Detector(recipe.student).eval()(torch.zeros(1, 3, SIDE, SIDE))
    batch = {
        "image": torch.zeros(1, SIDE, SIDE, 3), "boxes": torch.zeros(1, 16, 4),
        "kinds": torch.full((1, 16), -1), "known": torch.tensor([False]),
    }  # fmt: skip
    terms = Detection().losses(found, batch, recipe, None)
    assert all(float(term.detach()) == 0 for term in terms.values())
    searched = Detection().losses(found, batch | {"known": torch.tensor([True])}, recipe, None)
    assert float(searched["class"].detach()) > 0


def test_an_anchor_left_alone_is_the_box() -> None:
    places = anchors(NAME, (SIDE, SIDE), torch.device("cpu")).boxes
    sides = [SIDE // 2**level for level in range(3, 8)]
    empty = Found([torch.zeros(1, 9, s, s) for s in sides], [torch.zeros(1, 36, s, s) for s in sides])
    boxes, scores = decode(empty, places)
    torch.testing.assert_close(boxes, places[:, [1, 0, 3, 2]])
    assert (scores == 0.5).all()


@pytest.mark.parametrize("side", [128, 384])
def test_one_network_fits_every_size_that_its_stride_divides(side: int) -> None:
    network = Detector(StudentRecipe(name=NAME)).eval()  # type: ignore[call-arg]
    with torch.inference_mode():
        found = network(torch.zeros(1, 3, side, side))
    cells = sum(level.shape[2] * level.shape[3] for level in found.classes)
    assert cells * 9 == len(anchors(NAME, (side, side), torch.device("cpu")).boxes)
    assert config_of(NAME).num_scales * len(config_of(NAME).aspect_ratios) == 9


def test_what_does_not_fit_is_refused(make: Callable[..., Recipe], two_crafts: Path, run: Path, tmp_path: Path) -> None:
    data = {"train": [str(two_crafts)], "size": 160, "validation_size": SIDE, "workers": 0}
    with pytest.raises(DistillError, match=r"multiples of 128, got 160 for data\.size; take 128"):
        families.train(make(data=data), tmp_path / "x")
    with pytest.raises(DistillError, match="multiples of 128, got 320"):
        families.export(run, tmp_path / "x.onnx", ExportOptions((320, 320)))
    with pytest.raises(DistillError, match="learns from boxes alone"):
        families.train(make(distillation={"teacher": str(run)}), tmp_path / "y")
