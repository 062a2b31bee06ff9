"""A node flies without log files: a home that is read-only, or none, is a warning with its cure and nothing more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from package_metadata import ROOT

from afss_ros.nodes import log_files

NOWHERE = "/dev/null/home"  # below a file: not even root can write there
VARIABLES = ("HOME", "ROS_HOME", "ROS_LOG_DIR")


def environment(**given: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in VARIABLES} | given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "HOME is not set"),
        ({"HOME": NOWHERE}, f"{NOWHERE}/.ros/log: Not a directory"),
        ({"HOME": "/tmp", "ROS_HOME": NOWHERE}, f"{NOWHERE}/log: Not a directory"),
        ({"HOME": "/tmp", "ROS_LOG_DIR": NOWHERE}, f"{NOWHERE}: Not a directory"),
    ],
)
def test_the_obstacle_is_named(given: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert log_files.obstacle() == expected
    assert log_files.arguments(["node"], expected) == ["node", "--ros-args", "--disable-external-lib-logs"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_where_ros_can_write_it_does(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert log_files.obstacle() == ""
    assert log_files.arguments(["node"], "") == ["node"]
    below = {"HOME": ".ros/log", "ROS_HOME": "log", "ROS_LOG_DIR": ""}[variable]
    assert (tmp_path / below).is_dir()


@pytest.mark.parametrize("given", [{}, {"HOME": NOWHERE}, {"HOME": "/tmp", "ROS_LOG_DIR": NOWHERE}], ids=str)
def test_a_node_comes_as_far_without_log_files_as_with(given: dict[str, str]) -> None:
    command = [sys.executable, "-m", "afss_ros.nodes.source_node"]
    result = subprocess.run(command, cwd=ROOT, env=environment(**given), capture_output=True, text=True)
    assert result.returncode == 2
    assert "source is not set" in result.stderr
    assert "set ROS_LOG_DIR to a folder that can be written" in result.stderr
    assert "Traceback" not in result.stderr
