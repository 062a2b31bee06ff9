"""An installation that was interrupted, wherever, is no environment; the next run makes one that works."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from package_metadata import ROOT

PATIENCE_S = 300.0
SOURCES = [
    "afss_ros", "config", "demo", "interfaces", "launch", "models", "requirements", "resource", "scripts",
    "README.md", "package.xml", "setup.cfg", "setup.py",
]  # fmt: skip

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("ROS_DISTRO")), reason="where ROS is sourced there are no wheels to install"
)

# What is there at the moment of the signal, in the order of the installation.
MOMENTS: list[tuple[str, Callable[[Path], bool], signal.Signals]] = [
    ("the folder", lambda venv: (venv / "bin").exists(), signal.SIGKILL),
    ("half of pip", lambda venv: any(venv.glob("lib/python3*/site-packages/pip")), signal.SIGINT),
    ("some of the packages", lambda venv: any(venv.glob("lib/python3*/site-packages/ros_*")), signal.SIGINT),
    ("the bindings, unfinished", lambda venv: any(venv.glob("vision_msgs-*")), signal.SIGKILL),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, because an installation writes its egg-info into the checkout."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    return folder


def start(checkout: Path) -> subprocess.Popen[str]:
    """Start an installation that is the leader of a process group, as a terminal's foreground job is."""
    return subprocess.Popen(
        ["bash", "scripts/bootstrap.sh", "onboard", ".venv"],
        cwd=checkout,
        env=os.environ | {"PYTHON": sys.executable, "OVERRIDE": "", "ROS_WHEELS": "jazzy"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def interrupt(process: subprocess.Popen[str], signal_number: signal.Signals) -> str:
    """Send what Ctrl-C, or the end of the machine, sends to all of a group; return what was said until then."""
    os.killpg(process.pid, signal_number)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode != 0
    return output


def test_an_interruption_at_any_moment_costs_a_run_and_no_more(checkout: Path) -> None:
    venv = checkout / ".venv"
    for number, (name, is_there, signal_number) in enumerate(MOMENTS):
        process = start(checkout)
        if number:
            # Until what the last run left has been removed, its remains would be taken for this run's.
            assert process.stdout is not None
            assert any("anew: its installation was interrupted" in line for line in process.stdout), name
            assert any("Creating" in line for line in process.stdout), name
        deadline = time.monotonic() + PATIENCE_S
        while not is_there(venv):
            assert process.poll() is None, f"{name}: it ended before: {process.communicate()[0]}"
            assert time.monotonic() < deadline, name
            time.sleep(0.01)
        interrupt(process, signal_number)
        assert (venv / ".bootstrap-unfinished").exists(), name
        assert not list(venv.glob(".bootstrap-onboard*")), name

    process = start(checkout)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert "Ready" in output
    again = start(checkout)
    assert again.communicate(timeout=PATIENCE_S)[0] == "", "nothing is left to do"
    script = "import cv2, onnxruntime, rclpy, vision_msgs.msg, afss_ros; print(afss_ros.__file__)"
    environment = {name: value for name, value in os.environ.items() if name != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
    shown = subprocess.run(
        [str(venv / "bin" / "python"), "-c", script],
        cwd=venv,
        env=environment | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == str(checkout / "afss_ros" / "__init__.py")
