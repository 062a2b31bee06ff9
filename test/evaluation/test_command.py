"""What a command says of a file that the system refuses to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from afss_ros.cli import main


def test_a_file_that_cannot_be_read_is_named_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.json").mkdir()

    def unreadable(paths: list[Path]) -> None:
        paths[0].read_bytes()

    monkeypatch.setattr("afss_ros.evaluation.compare.read", unreadable)
    assert main(["compare", str(tmp_path / "folder.json")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'folder.json'}: Is a directory\n"
