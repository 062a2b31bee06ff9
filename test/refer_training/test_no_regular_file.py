"""Weights of every kind are read from regular files alone: a pipe would be waited on for ever."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afss_ros.distill.errors import DistillError
from afss_ros.distill.training import checkpoint
from afss_ros.refer import ReferError
from afss_ros.refer_training import run
from afss_ros.refer_training.clipsam import adapter


@pytest.mark.parametrize(
    ("read", "kind"), [(checkpoint.load, DistillError), (run.load, ReferError), (adapter.read, ReferError)]
)
def test_a_pipe_is_refused(tmp_path: Path, read: Callable[[Path], Any], kind: type[Exception]) -> None:
    os.mkfifo(tmp_path / "best.pt")
    with pytest.raises(kind, match=r"best\.pt: is no regular file; give a run of"):
        read(tmp_path / "best.pt")
    with pytest.raises(kind, match="missing"):
        read(tmp_path / "last.pt")
