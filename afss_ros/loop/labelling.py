"""Several recordings labelled at a time. Apart from the other steps: a process that labels should not load torch."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2

from afss_ros.labelling import command
from afss_ros.labelling.settings import LabelSettings
from afss_ros.teacher.models.checkpoints import Access
from afss_ros.threads import chosen


def label(settings: LabelSettings, recordings: Sequence[Path], folder: Path, processes: int) -> dict[str, Any]:
    """Label every recording into a set of its own, `processes` of them at a time; frames by status, by recording."""
    jobs = [(path, folder / path.stem, settings) for path in recordings]
    if processes == 1 or len(jobs) == 1:
        counts = [_label(*job) for job in jobs]
    else:
        threads = max(1, chosen() // processes)
        # A fork of a process whose OpenCV and OpenMP threads are running can hang.
        context = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=_share, initargs=(threads,)) as pool:
            counts = list(pool.map(_label, *zip(*jobs, strict=True)))
    return {"frames": {path.stem: count for path, count in zip(recordings, counts, strict=True)}}


def _share(threads: int) -> None:
    """Of a process of our own that nothing else runs in."""
    cv2.setNumThreads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)


def _label(recording: Path, out: Path, settings: LabelSettings) -> dict[str, int]:
    return command.label(recording, out, settings, access=Access(), bag=False)
