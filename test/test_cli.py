"""The `afss` command: exit codes, one-line errors, and nothing heavy to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from afss_ros import __version__
from afss_ros.cli import main


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_without_a_command_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "run" in capsys.readouterr().out


def test_a_wrong_command_line_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fly"]) == 2
    assert "fly" in capsys.readouterr().err


def test_an_error_is_one_line_without_the_name_of_its_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "/nowhere", "--out", str(tmp_path)]) == 1
    assert "\nerror: no source at /nowhere; give a folder" in capsys.readouterr().err


def test_debug_shows_where_an_error_came_from(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--debug", "run", "/nowhere", "--out", str(tmp_path)]) == 1
    errors = capsys.readouterr().err
    assert "Traceback" in errors
    assert "no source at /nowhere" in errors
