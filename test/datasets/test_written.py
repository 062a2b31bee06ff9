"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import write_atomically


def test_what_is_written_at_once_stays_out_of_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "figures.json"
    os.mkfifo(pipe)
    with pytest.raises(DatasetError, match=r"figures\.json.*name a file"):
        write_atomically(pipe, b"{}")
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]
