"""pytest as a robot has it: `colcon test` with the distribution's pytest, ROS's plugins, and nothing of the ground."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from package_metadata import ROOT, modules, modules_of_tests, third_party

TESTS = {
    "collected": "import torch\ndef test_collected(): ...",
    "called": "def test_called():\n    import onnx.helper",
    "set_up": "import pytest\n@pytest.fixture\ndef s():\n    import timm\ndef test_set_up(s): ...",
    "wrapped": """
def test_wrapped():
    try:
        import torch
    except ImportError as error:
        raise RuntimeError("one line") from error
""",
    "passing": "def test_passing(): ...",
    "failing": "def test_failing(): assert False",
    "of_ours": "import afss_ros.nothing\ndef test_of_ours(): ...",
    "on_board": "def test_on_board():\n    import rosbags",
}
WITHOUT = """
import sys
import conftest
conftest.HAS_ALL = {has_all}
sys.modules.update(dict.fromkeys(["torch", "onnx", "timm", "rosbags"]))  # None: as if it were not installed
"""


@pytest.mark.parametrize("has_all", [False, True])
def test_without_the_ground_its_tests_are_skipped_and_say_why(tmp_path: Path, has_all: bool) -> None:
    (tmp_path / "robot.py").write_text(WITHOUT.format(has_all=has_all))
    for name, text in TESTS.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "robot", "-p", "no:cacheprovider", "-rA", "-q"]
    result = subprocess.run(
        [*command, "--continue-on-collection-errors", "--import-mode=importlib", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = result.stdout.splitlines()
    bad = {n for n in TESTS for line in lines if line.startswith(("FAILED", "ERROR")) and f"test_{n}.py" in line}
    skipped = {n: line for n in TESTS for line in lines if line.startswith("SKIPPED") and f"test_{n}.py" in line}
    needing = {"collected": "torch", "called": "onnx", "set_up": "timm", "wrapped": "torch"}
    assert bad == {"failing", "of_ours", "on_board", *(needing if has_all else ())}, result.stdout
    assert set(skipped) == (set() if has_all else set(needing))
    for name, line in skipped.items():
        assert f"{needing[name]} is not installed: pip install '.[ground,test]'" in line


@pytest.fixture
def root_conftest(pytestconfig: pytest.Config) -> Any:
    path = str(ROOT / "conftest.py")
    return next(p for p in pytestconfig.pluginmanager.get_plugins() if getattr(p, "__file__", None) == path)


def test_our_environments_skip_nothing_for_want_of_a_package(root_conftest: Any) -> None:
    """In an environment of scripts/bootstrap.sh that has pytest, what is missing is a failure."""
    stamps = {path.name for path in Path(sys.prefix).glob(".bootstrap-*")}
    assert bool(stamps - {".bootstrap-onboard"}) == root_conftest.HAS_ALL


def test_every_package_of_the_ground_is_known_as_such(root_conftest: Any) -> None:
    flies = {"backports", "cv2", "lz4", "numpy", "onnxruntime", "rich", "rosbags", "typer", "yaml", "click"}
    tools = {"_pytest", "pluggy", "pytest", "pkg_resources", "setuptools", "launch", "launch_ros", "examples"}
    imported = set[str]().union(*(third_party(module) for module in [*modules(), *modules_of_tests()]))
    ros = {name for name in imported if name.endswith("_msgs") or name.startswith(("rcl", "ros", "ament", "std_srvs"))}
    ros |= {"builtin_interfaces", "cv_bridge", "rcl_interfaces"}
    assert imported - flies - tools - ros <= root_conftest.GROUND
    assert not root_conftest.GROUND & (flies | ros)


PLUGIN = "raise RuntimeError('a plugin of ROS was loaded: it imports every test file, outside of its package')"


@pytest.mark.parametrize("name", ["launch_testing", "launch_ros"])
def test_the_pytest_plugins_of_ros_are_off(tmp_path: Path, name: str) -> None:
    """Where ROS is sourced they are on the Python path, and pytest would load them by itself."""
    (tmp_path / "plugin_of_ros.py").write_text(PLUGIN)
    info = tmp_path / f"{name}-0.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.0.0\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{name} = plugin_of_ros\n")
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def collect(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert "a plugin of ROS was loaded" in collect("-c", os.devnull, str(tmp_path)).stderr
    collected = collect("test/test_spacing.py")
    assert collected.returncode == 0, collected.stdout + collected.stderr
