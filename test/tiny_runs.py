"""What every family must pass: a little training, an export held against torch, a flight in `Student`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from afss_ros import datasets
from afss_ros.distill import families
from afss_ros.distill.export import ExportOptions
from afss_ros.distill.recipe import Recipe
from afss_ros.perception import Frame, Perception
from afss_ros.student import Student


def fly(
    name: str, recipe: Callable[..., Recipe], run: Path, drawn: Path, *, size: int = 64, **changes: object
) -> tuple[Perception, Student]:
    """Train `name` a very little, export it, and look at one picture; the export itself compares ONNX with torch.

    Returns:
        What it saw, with every detection however doubtful, and the student (closed).
    """
    wanted = {"student": {"name": name}, "budget": {"iterations": 2}, "batch": 4, **changes}
    outcome = families.train(recipe(**wanted), run, device="cpu")
    assert outcome.step == 2
    assert outcome.samples == 24
    assert outcome.metrics
    model = families.export(run, run / "student.onnx", ExportOptions((size, size)))
    onnx.checker.check_model(str(model), full_check=True)
    image = datasets.load(drawn, "val")[0].read_image()
    with Student(model, provider="cpu", score_threshold=0.0) as student:
        assert student.contract.family == name
        assert student.contract.licence == families.find(name).licence
        perception = student(Frame(image))
    for detection in perception.detections:
        assert detection.class_name == "spacecraft"
        assert 0 <= detection.score <= 1
        assert np.all(detection.box_xyxy >= 0)
        assert np.all(detection.box_xyxy <= 64)
    return perception, student
