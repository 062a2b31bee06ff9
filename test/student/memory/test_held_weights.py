"""Weights that are held: read by ONNX Runtime where they lie, and repaired there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rotten_memory import flip_a_bit
from tiny_students import build_tiny_student

from afss_ros.perception import Frame
from afss_ros.student import Student
from afss_ros.student.memory.held import PIECE_BYTES, DamagedMemoryError, HeldWeights


@pytest.fixture
def held() -> HeldWeights:
    """Two tensors, of which the second begins in the first piece and ends in the third."""
    rng = np.random.default_rng(0)
    return HeldWeights(
        {
            "a": rng.normal(size=(3, 5)).astype(np.float32),
            "b": rng.integers(-128, 128, 2 * PIECE_BYTES, np.int8),
        }
    )


def test_what_is_held_is_what_was_given(held: HeldWeights) -> None:
    given = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    assert np.array_equal(held.arrays["a"], given)
    assert held.arrays["a"].ctypes.data % 64 == held.arrays["b"].ctypes.data % 64 == 0
    assert (held.pieces, held.size) == (3, 60 + 2 * PIECE_BYTES)
    assert [held.check(piece) for piece in range(3)] == [None] * 3


def test_a_flipped_bit_is_found_in_its_piece_named_and_repaired(held: HeldWeights) -> None:
    sound = held.arrays["b"].copy()
    held.arrays["b"][PIECE_BYTES] ^= 8
    assert held.check(0) is None
    repair = held.check(1)
    assert str(repair) == "1 flipped bit in the weights of b"
    assert np.array_equal(held.arrays["b"], sound)
    assert held.check(1) is None


def test_what_no_answer_comes_from_rots_and_is_repaired_too(held: HeldWeights) -> None:
    held._copy[0] ^= 255
    assert str(held.check(0)) == "8 flipped bits in the copy of a"
    held._hashes[1] = b"rotten"
    repair = held.check(1)
    assert repair is not None and repair.what == "hash"
    assert [held.check(piece) for piece in range(3)] == [None] * 3


def test_damage_in_both_is_said_and_not_repaired(held: HeldWeights) -> None:
    held.arrays["a"][0, 0] = 1e30
    held._copy[4] ^= 1
    with pytest.raises(DamagedMemoryError, match="both damaged, in a"):
        held.check(0)


def test_a_student_answers_from_what_it_holds(tmp_path: Path) -> None:
    path = build_tiny_student(tmp_path / "student.onnx")
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    with (
        Student(path, provider="cpu", threads=1, hold_weights=True) as student,
        Student(path, provider="cpu", threads=1) as plain,
    ):
        assert plain.weights is None and plain.not_held == "not asked for"
        held = student.weights
        assert held is not None, student.not_held
        sound = _labels(plain, image)
        assert np.array_equal(_labels(student, image), sound)
        name = flip_a_bit(held)
        assert not np.array_equal(_labels(student, image), sound), f"{name} is not read where it lies"
        repairs = [held.check(piece) for piece in range(held.pieces)]
        assert [str(repair) for repair in repairs] == [f"1 flipped bit in the weights of {name}"]
        assert np.array_equal(_labels(student, image), sound)


def _labels(student: Student, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    labels = student(Frame(image)).labels
    assert labels is not None
    return labels
