"""How much faster labelling is than the reference way, with the same models, views and frames.

    python -m afss_ros.teacher.benchmark flight.mcap --config config/label.yaml --set refine.views=v2 --frames 8

The reference way (that of the AFSS scripts) takes one image at a time and computes features again for every view.
Here all views of a batch of frames are one call of the detector, and each frame is encoded once for all its views.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.sources import Unreadable
from afss_ros.teacher.assemble import Teacher, assemble
from afss_ros.teacher.console import gpu_memory
from afss_ros.teacher.inputs import open_input
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.protocols import Detector, Rgb
from afss_ros.teacher.refine import label_batch
from afss_ros.teacher.settings import load_settings, parse_overrides
from afss_ros.teacher.values import Box


@dataclass(frozen=True, slots=True)
class OneAtATime:
    """A detector that is asked about one picture at a time."""

    detector: Detector

    @property
    def provenance(self) -> dict[str, object]:
        """That of the detector."""
        return dict(self.detector.provenance)

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        """See `teacher.Detector.detect`."""
        return [self.detector.detect([image], prompts)[0] for image in images]


def ours(teacher: Teacher, images: list[NDArray[np.uint8]]) -> None:
    """Label the images as `afss label` does."""
    for first in range(0, len(images), teacher.batch):
        batch = images[first : first + teacher.batch]
        label_batch(batch, teacher.detector, teacher.segmenter, teacher.prompts, teacher.refinement)


def reference(teacher: Teacher, images: list[NDArray[np.uint8]]) -> None:
    """Label the images as the reference does."""
    refinement = dataclasses.replace(teacher.refinement, share_features=False)
    for image in images:
        label_batch([image], OneAtATime(teacher.detector), teacher.segmenter, teacher.prompts, refinement)


def seconds(way: Callable[[Teacher, list[NDArray[np.uint8]]], None], teacher: Teacher, images: list[Rgb]) -> float:
    """Seconds a frame; processor time on a CPU, which a busy machine does not change, else wall time."""
    clock = time.perf_counter if gpu_memory() else time.process_time
    way(teacher, images[:1])  # warm up
    started = clock()
    way(teacher, images)
    return (clock() - started) / len(images)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m afss_ros.teacher.benchmark", description=__doc__)
    parser.add_argument("source", type=Path, help="a bag, a folder of pictures or a video")
    parser.add_argument("--topic", help="an image topic of the bag")
    parser.add_argument("--config", type=Path, help="settings of the teacher; default: the offline baseline")
    parser.add_argument("--set", action="append", default=[], help="any setting, as of `afss label`")
    parser.add_argument("--frames", type=int, default=8)
    given = parser.parse_args(arguments)
    teacher = assemble(load_settings(given.config, {"keep": "", **parse_overrides(given.set)}))
    source = open_input(given.source, [given.topic] if given.topic else [])
    images = [item.read() for item in islice(source, given.frames) if not isinstance(item, Unreadable)]
    source.close()
    slow, fast = seconds(reference, teacher, images), seconds(ours, teacher, images)
    sys.stdout.write(
        f"{len(images)} frames, {len(teacher.refinement.views)} views: reference {slow:.3f} s a frame,"
        f" here {fast:.3f} s a frame, {slow / fast:.2f} times as fast{gpu_memory()}\n"
    )


if __name__ == "__main__":
    main()
