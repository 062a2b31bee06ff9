"""A finished file takes the place of a file, and of nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from afss_ros.put import put


def test_a_file_is_replaced_and_a_missing_one_made(tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "new").write_text("new")
        put(tmp_path / "new", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "new" and not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["/dev/null", "pipe", "link"])
def test_a_device_or_a_pipe_stays(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    path = tmp_path / name
    before = path.lstat()
    # On another file system than /dev: the machine keeps its devices, whatever the code under test does.
    (tmp_path / "new").write_text("new")
    with pytest.raises(OSError, match="is a device or a pipe"):
        put(tmp_path / "new", path)
    assert path.lstat().st_ino == before.st_ino and (tmp_path / "new").exists()
