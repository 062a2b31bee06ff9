"""YAML of others: what would be walked for ever, waited for without end or nested too deeply is one error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from small_sets import yolo

from afss_ros import plain_yaml
from afss_ros.cli import main

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "aliases repeat more than"),
        ("a: &a [*a]", "nested too deeply, or holds itself"),
        ("[" * 100_000, "nested too deeply"),
        ("when: 2026-99-99", "a value that is none"),
        ("{", "expected"),
    ],
)
def test_what_cannot_be_used_is_an_error_of_yaml(text: str, says: str) -> None:
    with pytest.raises(yaml.YAMLError, match=says):
        plain_yaml.load(text)


def test_aliases_in_measure_are_read() -> None:
    assert plain_yaml.load("a: &a [1, 2]\nb: *a\nc: {<<: {d: 3}}") == {"a": [1, 2], "b": [1, 2], "c": {"d": 3}}
    assert plain_yaml.load("") is None


def test_only_regular_files_of_a_believable_size_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_text("a: " + "1" * 100)
    (tmp_path / "latin").write_bytes(b"a: \xe9")
    for name in ("pipe", "", "none"):
        with pytest.raises(OSError, match="is no regular file" if name == "pipe" else "directory"):
            plain_yaml.read(tmp_path / name)
    with pytest.raises(OSError, match="has 103 bytes, more than the 100 that are believed"):
        plain_yaml.read(tmp_path / "long", 100)
    with pytest.raises(yaml.YAMLError, match=r"no UTF-8 text \(byte 3\)"):
        plain_yaml.read(tmp_path / "latin")


def test_a_set_whose_names_are_a_bomb_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = yolo(tmp_path / "set")
    (root / "data.yaml").write_text(BOMB + "train: images/train\nnames: *a11\n")
    assert main(["data", "check", str(root)]) == 1
    assert "data.yaml: is not YAML (YAMLError: its aliases repeat" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("command", [["downlink", "read"], ["compare"]])
def test_a_pipe_is_not_waited_for(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main([*command, str(tmp_path / "pipe")]) == 1
    assert "is no regular file" in " ".join(capsys.readouterr().err.split())
