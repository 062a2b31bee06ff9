"""A home that cannot be written, and a working directory that cannot: it works all the same, or says why in a line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from package_metadata import ROOT
from recorded import record

NO_HOME = {**os.environ, "HOME": "/dev/null/home", "PYTHONPATH": str(ROOT)}
UNWRITABLE = Path("/proc")  # even for root


def test_perceiving_needs_no_home(tmp_path: Path) -> None:
    bag = record(tmp_path / "bag.mcap", range(3), compressed=True)
    command = [sys.executable, "-m", "afss_ros.cli", "run", str(bag), "--out", str(tmp_path), "--formats", "coco"]
    result = subprocess.run(command, cwd=UNWRITABLE, env=NO_HOME, capture_output=True, text=True)
    assert (result.returncode, list(tmp_path.glob("*.json")) != []) == (0, True)


def test_a_default_output_that_cannot_be_made_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Training; that it needs no home either is shown where it is a process of its own (test_processes.py)."""
    from afss_ros.cli import main

    monkeypatch.chdir(UNWRITABLE)
    assert main(["train", "--data", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in said


def test_so_it_is_for_the_demo() -> None:
    command = [sys.executable, "-m", "afss_ros.nodes.demo"]
    result = subprocess.run(command, cwd=UNWRITABLE, env=NO_HOME, capture_output=True, text=True)
    assert result.returncode == 1
    words = " ".join(result.stdout.split())
    assert words == "error: cannot write into out/demo (No such file or directory); choose another folder with --out"
