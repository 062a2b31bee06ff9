"""The export example of docs/student_contract.md runs as it stands, and ONNX Runtime then agrees with torch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from afss_ros.perception import Frame
from afss_ros.student import Student, metadata

DOCUMENT = (Path(__file__).parents[2] / "docs" / "student_contract.md").read_text()


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Where the example was run, and the names that it left behind."""
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", DOCUMENT, re.S) if "torch.onnx.export" in block]
    names: dict[str, Any] = {"__name__": "example"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("example"))
        torch.manual_seed(0)
        exec(compile(source, "student_contract.md", "exec"), names)
        return Path.cwd() / "my_student.onnx", names


def test_the_exported_student_keeps_the_contract(example: tuple[Path, dict[str, Any]]) -> None:
    with Student(example[0], provider="cpu") as student:
        assert student.contract.input_size == (96, 128)
        assert student.contract.family == "one-convolution"


def test_onnx_runtime_agrees_with_torch(example: tuple[Path, dict[str, Any]]) -> None:
    path, names = example
    image = np.random.default_rng(3).integers(0, 256, (96, 128, 3)).astype(np.uint8)
    with torch.no_grad():
        labels, _ = names["OnBoard"](names["network"])(torch.from_numpy(image)[None])
    with Student(path, provider="cpu") as student:
        seen = student(Frame(image)).labels
    assert seen is not None
    # Where two logits are equal to the last bit, either label is right.
    assert (seen == labels[0].numpy()).mean() > 0.999
    assert len(np.unique(seen)) > 1


def test_every_metadata_entry_is_documented() -> None:
    entries, _ = metadata.parse({})
    assert [key for key in entries if f"| `{key}` |" not in DOCUMENT] == []
