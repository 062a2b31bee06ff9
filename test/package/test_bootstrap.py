"""What `scripts/bootstrap.sh` says where a machine lacks something, and what it leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from package_metadata import ROOT
from processes import PATIENCE_S

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TOOLS = {
    "bash", "cat", "cut", "dirname", "env", "find", "flock", "grep", "head", "ls", "mkdir", "mv", "readlink", "rm",
    "sed", "sha256sum", "sort", "tail", "touch",
}  # fmt: skip

# What makes the Python of this test one that lacks something.
OLD = "import sys; sys.version_info = (3, 9, 18, 'final', 0)"
YOUNG = "import sys; sys.version_info = (3, 15, 0, 'final', 0)"
NO_VENV = "import sys; sys.modules['ensurepip'] = None"
NO_HEADERS = """import sysconfig
paths = sysconfig.get_paths
sysconfig.get_paths = lambda *a, **k: {**paths(*a, **k), 'include': '/nowhere'}"""


class Machine:
    """A machine with the tools that are named, and a Python with which something may be wrong."""

    def __init__(self, folder: Path, tools: list[str], *flaws: str, architecture: str = "x86_64") -> None:
        self.venv = folder / "venv"
        self._bin = folder / "bin"
        self._bin.mkdir()
        for name in {*TOOLS, *tools}:
            (self._bin / name).symlink_to(str(shutil.which(name)))
        self.install("uname", f'[ "$1" = -m ] && echo {architecture} || echo Linux')
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text("\n".join(flaws) + "\n")
        self.python = self.install("python", f'PYTHONPATH={site} exec {sys.executable} "$@"')

    def install(self, name: str, script: str) -> Path:
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def bootstrap(self, **environment: str) -> str:
        """Run it, see it fail; what it said."""
        variables = {"PATH": str(self._bin), "HOME": str(self._bin.parent), "PYTHON": str(self.python), **environment}
        command = ["bash", "scripts/bootstrap.sh", "onboard", str(self.venv)]
        result = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=PATIENCE_S)
        assert result.returncode == 1, result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        assert "Ready" not in result.stderr
        return result.stderr


@pytest.mark.parametrize(
    ("flaws", "tools", "packages"),
    [
        ([NO_VENV], ["g++"], f"python{VERSION}-venv"),
        ([NO_HEADERS], ["g++"], f"python{VERSION}-dev"),
        ([], [], "g++"),
        ([NO_VENV, NO_HEADERS], [], f"python{VERSION}-venv python{VERSION}-dev g++"),
    ],
    ids=["venv", "headers", "compiler", "all"],
)
def test_what_is_missing_is_named_with_one_command(
    tmp_path: Path, flaws: list[str], tools: list[str], packages: str
) -> None:
    machine = Machine(tmp_path, tools, *flaws)
    said = machine.bootstrap()
    assert f"On Debian or Ubuntu:  sudo apt install {packages}\n" in said
    assert said.count("error:") == len(packages.split())
    assert "3.10 to 3.14" not in said, "the version is not what is wrong"
    assert not (machine.venv / "pyvenv.cfg").exists()


@pytest.mark.parametrize(("flaw", "version"), [(OLD, "3.9.18"), (YOUNG, "3.15.0")])
def test_a_version_without_wheels_is_said_apart_from_all_that_may_be_missing(
    tmp_path: Path, flaw: str, version: str
) -> None:
    said = Machine(tmp_path, ["g++"], flaw, NO_VENV).bootstrap()
    assert "Python 3.10 to 3.14 is needed" in said
    assert f"is Python {version}" in said
    assert "ensurepip" not in said
    assert "sudo apt install python3 python3-venv python3-dev" in said


def test_a_machine_without_wheels_is_told_of_ros_itself(tmp_path: Path) -> None:
    said = Machine(tmp_path, ["g++"], architecture="aarch64").bootstrap()
    assert "this is Linux on aarch64" in said
    assert "source /opt/ros/" in said


def test_other_wheels_than_there_are_is_an_error(tmp_path: Path) -> None:
    assert "expected jazzy or kilted" in Machine(tmp_path, ["g++"]).bootstrap(ROS_WHEELS="humble")


def test_a_ros_that_is_too_old_is_said_to_be(tmp_path: Path) -> None:
    said = Machine(tmp_path, ["g++"]).bootstrap(ROS_DISTRO="humble")
    assert "ROS 2 humble is sourced, which is too old" in said
    assert "Jazzy or later" in said


def test_an_environment_that_was_not_made_here_is_left_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path, ["g++"])
    (machine.venv / "bin").mkdir(parents=True)
    (machine.venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    before = sorted(machine.venv.rglob("*"))
    assert "was not made by this program" in machine.bootstrap()
    assert sorted(machine.venv.rglob("*")) == before


def test_a_dead_proxy_is_named_without_its_password(tmp_path: Path) -> None:
    machine = Machine(tmp_path, ["g++"])
    said = machine.bootstrap(
        https_proxy="http://somebody:secret@127.0.0.1:9", PIP_RETRIES="0", PIP_DEFAULT_TIMEOUT="5", PIP_FIND_LINKS=""
    )
    assert "https_proxy=http://127.0.0.1:9 (Connection refused)" in said
    assert "secret" not in said
    assert "unset it" in said


@pytest.mark.parametrize(
    ("home", "cache"), [("/proc/nowhere", ".bootstrap-cache"), ("", ".bootstrap-cache"), (".", None)]
)
def test_where_no_home_can_hold_the_cache_the_environment_does(tmp_path: Path, home: str, cache: str | None) -> None:
    script = f'. scripts/machine.sh; choose_cache {tmp_path}; echo "${{UV_CACHE_DIR:-}}"'
    environment = {"PATH": os.environ["PATH"], "HOME": home and str(tmp_path / home)}
    shown = subprocess.run(
        ["bash", "-euc", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == (str(tmp_path / cache) if cache else "")
