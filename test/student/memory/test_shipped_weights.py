"""How much of the students that ship lies in memory that can be checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from afss_ros.share import share
from afss_ros.student import Student


@pytest.mark.parametrize(("name", "least"), [("student.onnx", 90_000), ("student-fp32.onnx", 13_000_000)])
def test_of_the_shipped_students_all_that_is_held_is_read_there(name: str, least: int) -> None:
    with Student(Path(share()) / "models" / name, provider="cpu", threads=1, hold_weights=True) as student:
        held = student.weights
        assert held is not None, student.not_held
        assert held.size > least
        image = np.random.default_rng(0).integers(0, 256, (*student.contract.input_size, 3), np.uint8)
        sound = student.look(image)
        # The largest tensor is the one most likely to be packed anew.
        array = max(held.arrays.values(), key=lambda each: each.nbytes)
        array.reshape(-1).view(np.uint8)[:] ^= 0x55
        damaged = student.look(image)
        assert any(not np.array_equal(sound[output], damaged[output]) for output in sound)
        for piece in range(held.pieces):
            held.check(piece)
        repaired = student.look(image)
        assert all(np.array_equal(sound[output], repaired[output]) for output in sound)
