"""Fixtures that several parts share: tiny real students, built once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_students import build_boxes_student, build_slow_student, build_tiny_student


@pytest.fixture(scope="session")
def tiny_student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64x64: grey pixels brighter than 96 are body, blue ones panel, red ones antenna; confidence is brightness."""
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny.onnx")


@pytest.fixture(scope="session")
def boxes_student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64x64: no label map; one spacecraft box around all pixels brighter than 96."""
    return build_boxes_student(tmp_path_factory.mktemp("students") / "boxes.onnx")


@pytest.fixture(scope="session")
def slow_student(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """`slow_student(150.0)` is the path of a tiny student whose inference takes about 150 ms on one thread."""
    folder = tmp_path_factory.mktemp("students")

    def build(inference_ms: float) -> Path:
        path = folder / f"slow_{inference_ms:g}ms.onnx"
        return path if path.exists() else build_slow_student(path, inference_ms)

    return build
