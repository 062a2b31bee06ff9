"""Tensors in a device's memory: the same answers, frame after frame, as from the host's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from afss_ros.perception import Frame
from afss_ros.student import ProviderError, Student, manifest
from afss_ros.student.known_answer import KnownAnswer
from afss_ros.student.providers.settings import ProviderSettings

DEVICE = ProviderSettings(binding="device")


@pytest.mark.parametrize("student", ["tiny_student", "boxes_student"])
def test_answers_are_those_of_the_host_s_memory(student: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(student)
    frames = [Frame(np.random.default_rng(n).integers(0, 256, (64, 64, 3), np.uint8)) for n in range(3)]
    with (
        Student(path, provider="cpu") as host,
        Student(path, provider="cpu", provider_settings=DEVICE) as device,
    ):
        assert (host.binding, device.binding) == ("host", "device")
        for frame in [*frames, frames[0]]:
            ours, theirs = device.look(frame.image), host.look(frame.image)
            assert ours.keys() == theirs.keys()
            assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_captured_graph_needs_a_known_answer(tiny_student: Path, tmp_path: Path) -> None:
    lonely = tmp_path / "student.onnx"
    lonely.write_bytes(tiny_student.read_bytes())
    graph = ProviderSettings(binding="graph")
    with pytest.raises(ProviderError, match="provider cpu has no means for binding"):
        Student(lonely, provider="cpu", provider_settings=graph)
    with Student(lonely, provider="cpu") as student:
        # As if it ran where graphs can be captured.
        student.binding = "graph"
        with pytest.raises(ProviderError, match="repeats its first image"):
            student._bound(student._session._session, 0)  # type: ignore[union-attr]
        image = np.full((64, 64, 3), 200, np.uint8)
        student.manifest = manifest.Manifest("0" * 64, 1, KnownAnswer(image, np.ones((64, 64), np.uint8)))
        assert student._bound(student._session._session, 0) is not None  # type: ignore[union-attr]
