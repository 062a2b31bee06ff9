"""What is printed is what was said: brackets and colons in the name of a file are neither colour nor emoji."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from package_metadata import ROOT, modules
from typer.testing import CliRunner

from afss_ros.cli import app
from afss_ros.terminal import say, screen

ODD = "a [/x] [bold] :smile: set"


def test_a_sentence_is_printed_letter_by_letter_and_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{ODD}/" + "x" * 200)
    say(ODD, errors=True)
    assert capsys.readouterr() == (f"{ODD}/" + "x" * 200 + "\n", f"{ODD}\n")


def test_a_table_holds_what_was_put_into_it(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    table = Table("name", title=ODD)
    table.add_row(ODD)
    screen(width=120).print(table)
    assert capsys.readouterr().out.count(ODD) == 2


@pytest.mark.parametrize(
    "command", [["run", "{demo}", "--model", "{odd}/x.onnx", "--out", "{odd}/out"], ["manifest", "{odd}/x.onnx"]]
)
def test_a_command_names_its_folder_as_it_is(command: list[str], tmp_path: Path, tiny_student: Path) -> None:
    places = {"demo": ROOT / "demo" / "demo.mcap", "odd": tmp_path / ODD}
    places["odd"].mkdir(parents=True)
    shutil.copy(tiny_student, places["odd"] / "x.onnx")
    done = CliRunner().invoke(app.app, [part.format(**places) for part in command])
    assert done.exit_code == 0, done.output
    assert ODD in done.output


def test_nobody_prints_past_it() -> None:
    past = [str(m) for m in modules() if "Console(" in (ROOT / m).read_text() and m.name != "terminal.py"]
    assert past == []
