"""The files that ship belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from afss_ros.distill.errors import DistillError
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


def test_one_flipped_bit_of_the_weights_that_ship_is_seen(tmp_path: Path) -> None:
    content = bytearray((MODELS / "student.safetensors").read_bytes())
    content[len(content) // 2] ^= 1  # the lowest bit of some weight
    (tmp_path / "student.safetensors").write_bytes(content)
    with pytest.raises(DistillError, match="another hash than when it was written; copy it again"):
        checkpoint.load_best(tmp_path / "student.safetensors")
