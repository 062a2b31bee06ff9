"""The files that ship belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from afss_ros.distill.export import to_onnx as export
from afss_ros.distill.training import checkpoint
from afss_ros.student import Student

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def weights_sha256() -> str:
    return export.weights_sha256(checkpoint.load_best(MODELS / "student.safetensors").weights)


@pytest.mark.parametrize("name", ["student.onnx", "student-fp32.onnx"])
def test_a_student_that_ships_has_the_weights_that_ship(name: str, weights_sha256: str) -> None:
    with Student(MODELS / name, provider="cpu", threads=1) as student:
        assert student.contract.weights_sha256 == weights_sha256


def test_the_weights_that_ship_name_no_place() -> None:
    trained = checkpoint.load_best(MODELS / "student.safetensors")
    assert "ImageNet" in trained.seen
    assert not any(path.is_absolute() for path in trained.parsed_recipe().data.train)
