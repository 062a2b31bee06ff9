"""Ultralytics, kept to training: no telemetry, no download, no settings outside the run directory."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import cv2
import torch

from afss_ros.distill.errors import DistillError

LICENCE = "AGPL-3.0"


def is_installed() -> bool:
    """Whether ultralytics can be imported, without importing it."""
    return find_spec("ultralytics") is not None


@contextmanager
def ultralytics(run: Path) -> Iterator[None]:
    """Where ultralytics may be imported and used; its first import happens here.

    It reads its environment when it is imported: `YOLO_CONFIG_DIR` keeps its settings in the run, `YOLO_OFFLINE` keeps
    it from sending and fetching anything. What it changes for the whole process is put back.

    Raises:
        DistillError: it is not installed.
    """
    if not is_installed():
        raise DistillError(
            f"YOLO students need ultralytics ({LICENCE}), which is not installed;"
            " get it with `pip install ultralytics-opencv-headless`"
        )
    before = dict(os.environ)
    threads, readers = torch.get_num_threads(), cv2.getNumThreads()
    os.environ |= {"YOLO_OFFLINE": "1", "YOLO_CONFIG_DIR": str(run.resolve() / "settings")}
    try:
        import ultralytics.utils

        torch.set_num_threads(threads)
        ultralytics.utils.LOGGER.setLevel(logging.WARNING)
        yield
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(readers)
        os.environ.clear()
        os.environ.update(before)
