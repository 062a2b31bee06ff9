"""What every family must pass: a little training, an export held against torch, a flight in `Student`."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from afss_ros import datasets
from afss_ros.distill import families
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.recipe import Recipe
from afss_ros.perception import Frame, Perception
from afss_ros.student import Student


def assert_same_in_onnx(network: nn.Module, size: int) -> None:
    """Hold a network's own outputs, before anything is chosen or suppressed, in ONNX Runtime against those in torch."""
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    content = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        wanted = network(image)
        target: Any = content
        torch.onnx.export(network, (image,), target, input_names=["image"], opset_version=18, dynamo=False)
    session = onnxruntime.InferenceSession(content.getvalue(), providers=["CPUExecutionProvider"])
    for ours, theirs in zip(session.run(None, {"image": image.numpy()}), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=5e-3, rtol=1e-3)


Rows = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Boxes (N, 4) and their scores (N,)."""


def assert_same_rows(found: Rows, wanted: Rows, *, least: float, pixels: float, score: float) -> None:
    """Every box of more than the `least` score has its counterpart; which of nearly equal scores is first is chance."""
    sure = np.flatnonzero(wanted[1] > least)
    assert len(sure) > 0
    apart = np.abs(wanted[0][sure, None] - found[0][None]).max(2) / pixels
    doubt = np.abs(wanted[1][sure, None] - found[1][None]) / score
    worst = np.maximum(apart, doubt).min(1).max()
    assert worst <= 1, f"a box is {worst:.2f} times as far as allowed from all that were found"


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
