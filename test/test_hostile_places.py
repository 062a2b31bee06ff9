"""A home that cannot be written, and a working directory that cannot: it works all the same, or says why in a line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from package_metadata import ROOT

NO_HOME = {**os.environ, "HOME": "/dev/null/home", "PYTHONPATH": str(ROOT)}
UNWRITABLE = Path("/proc")  # even for root


def afss(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "afss_ros.cli", *arguments]
    return subprocess.run(command, cwd=cwd, env=NO_HOME, capture_output=True, text=True)


def test_perceiving_needs_no_home(tmp_path: Path) -> None:
    result = afss("run", str(ROOT / "demo" / "demo.mcap"), "--out", str(tmp_path), "--formats", "coco", cwd=UNWRITABLE)
    assert (result.returncode, list(tmp_path.glob("*.json")) != []) == (0, True)


def test_a_default_output_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    result = afss("train", "--data", str(tmp_path), cwd=UNWRITABLE)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in result.stderr


def test_so_it_is_for_the_demo() -> None:
    command = [sys.executable, "-m", "afss_ros.nodes.demo"]
    result = subprocess.run(command, cwd=UNWRITABLE, env=NO_HOME, capture_output=True, text=True)
    assert result.returncode == 1
    words = " ".join(result.stdout.split())
    assert words == "error: cannot write into out/demo (No such file or directory); choose another folder with --out"
