"""No test leaves anything behind; and fixtures that several parts share: tiny real students, built once a session.

They are built with `onnx`, which a robot need not have: the fixtures import it, so that their tests alone are skipped.

Networks here are so small that a second thread costs more than it brings, and on a busy machine many times more. No
claim depends on it: `OMP_NUM_THREADS=2 python -m pytest` passes too.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import cv2  # noqa: F401  # it puts a folder of its own into LD_LIBRARY_PATH, which no test may be the first to see
import leftovers
import pytest

import afss_ros  # noqa: F401  # it keeps libraries from calling home, by variables that no test leaves behind

with suppress(ImportError):  # a robot may lack it, and then the tests that need it are skipped
    from hypothesis import HealthCheck, settings

    # A busy machine is slow, not wrong.
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")


LONG = [
    f"test/{name}.py"
    for name in (
        "cluster/test_ray", "distill/training/test_loop", "fuzzing/test_fuzz", "package/test_interrupted_bootstrap",
        "distill/families/test_efficientdet", "nodes/test_demo", "loop/test_loop", "nodes/perception/test_stall",
        "examples/test_geo", "distill/training/test_processes", "nodes/test_campaign", "loop/test_ablation",
        "distill/training/test_truth_of_runs", "labelling/test_resume", "nodes/labelling/test_node",
        "geo/comparison/test_compare", "distill/data/test_classes", "distill/export/test_to_onnx",
        "nodes/source/test_node", "labelling/test_memory", "cluster/test_stores", "package/test_silence",
        "geo/sam2/test_tune", "synthetic/test_produce", "distill/losses/test_noise", "package/test_pytest_on_board",
    )
]  # fmt: skip
"""Files of a quarter of a minute and more, the longest first."""


def pytest_configure(config: pytest.Config) -> None:
    leftovers.register(config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where workers share the files, begin with the long ones, so that none of them is waited for in the end."""
    if hasattr(config, "workerinput"):
        places = {name: place for place, name in enumerate(LONG)}
        items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONG)))


# Before anything loads OpenMP, which reads them once; processes that tests start inherit them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture
def children() -> Iterator[None]:
    """Puts back how the end of a child is heard of, which torch's loader processes change."""
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, before)


@pytest.fixture(scope="session")
def tiny_student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64x64: grey pixels brighter than 96 are body, blue ones panel, red ones antenna; confidence is brightness."""
    from tiny_students import build_tiny_student

    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny.onnx")


@pytest.fixture(scope="session")
def boxes_student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64x64: no label map; one spacecraft box around all pixels brighter than 96."""
    from tiny_students import build_boxes_student

    return build_boxes_student(tmp_path_factory.mktemp("students") / "boxes.onnx")


@pytest.fixture(scope="session")
def slow_student(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """`slow_student(150.0)` is the path of a tiny student whose inference takes about 150 ms on one thread."""
    from tiny_students import build_slow_student

    folder = tmp_path_factory.mktemp("students")

    def build(inference_ms: float) -> Path:
        path = folder / f"slow_{inference_ms:g}ms.onnx"
        return path if path.exists() else build_slow_student(path, inference_ms)

    return build


@pytest.fixture(scope="session")
def rendered_flight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two craft that cross, with their truth: 12 frames of 192x144 at 4 Hz."""
    from afss_ros.synthetic.encounter import draw_encounter
    from afss_ros.synthetic.recording import Recording, record

    path = tmp_path_factory.mktemp("flight") / "crossing.mcap"
    record(path, draw_encounter("crossing", 12, 192, 144, seed=3), Recording(rate_hz=4.0))
    return path
