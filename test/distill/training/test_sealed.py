"""A checkpoint that is not what was written is not gone on from."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from afss_ros.distill.errors import DistillError
from afss_ros.distill.training import checkpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    state = {"network": {"weight": torch.arange(200.0).reshape(10, 20)}, "step": 3, "history": [{"loss": 0.5}]}
    checkpoint.save(tmp_path / "last.pt", state)
    return tmp_path / "last.pt"


def test_what_was_written_is_read_and_torch_reads_it_too(path: Path) -> None:
    state = checkpoint.load(path)
    assert state["step"] == 3
    assert torch.equal(state["network"]["weight"], torch.load(path, weights_only=True)["network"]["weight"])


def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(path: Path) -> None:
    sound, content = checkpoint.load(path), path.read_bytes()
    rng = np.random.default_rng(0)
    found = 0
    for place in rng.integers(8 * len(content), size=200):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        try:
            state = checkpoint.load(path)
        except DistillError as error:
            assert str(path) in str(error)
            found += 1
        else:
            assert torch.equal(state["network"]["weight"], sound["network"]["weight"])
            assert place // 8 >= len(content) - 76, "only the seal itself may be broken without harm"
    assert found >= 190


def test_one_of_an_earlier_version_has_checksums_of_its_parts(path: Path) -> None:
    content = io.BytesIO()
    torch.save({"network": {"weight": torch.arange(200.0)}}, content)
    path.write_bytes(content.getvalue())
    assert "network" in checkpoint.load(path)
    at = content.getvalue().index(np.arange(200, dtype=np.float32).tobytes())
    damaged = bytearray(content.getvalue())
    damaged[at + 50] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(DistillError, match=r"damaged one: .* has another checksum"):
        checkpoint.load(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_named_and_refused(path: Path, value: float) -> None:
    state = checkpoint.load(path)
    state["network"]["weight"][3, 4] = value
    checkpoint.save(path, state)
    with pytest.raises(DistillError, match=r"network\.weight holds values that are NaN or infinite"):
        checkpoint.load(path)
