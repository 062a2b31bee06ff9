"""Labelling holds a chunk of video in memory, not the recording."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from recorded import record
from resident import resident_bytes

from afss_ros.labelling.assemble import Teacher
from afss_ros.labelling.engine import LabellingRun
from afss_ros.labelling.inputs import open_input
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.offline.flow import FlowPropagator
from afss_ros.teacher.prompts import CRAFT, Prompts
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.values import Box, Mask

FRAMES, WARM = 200, 60
HEIGHT, WIDTH = 240, 320
SETTINGS = {"video.propagator": "flow", "frames.duplicates": -1, "keep": "", "video.chunk": 8}


def drifting(index: int) -> NDArray[np.uint8]:
    """A bright block that moves over noise; cheap to label and dear to keep: 230 kB a frame."""
    image = np.random.default_rng(index).integers(0, 30, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image[90:140, 40 + index % 200 : 100 + index % 200] = 200
    return image


@dataclass(frozen=True, slots=True)
class Brightest:
    """Detector and segmenter in one: what is brighter than half."""

    provenance: dict[str, object] = field(default_factory=lambda: {"detector": "brightest", "segmenter": "brightest"})
    reads: bool = False
    classes: tuple[str, ...] = (CRAFT,)

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        found = [cv2.boundingRect((image[..., 0] > 127).astype(np.uint8)) for image in images]
        return [[Box(CRAFT, np.array([x, y, x + w, y + h], np.float32), 0.9)] for x, y, w, h in found]

    def encode(self, image: Rgb) -> Rgb:
        return image

    def segment(self, features: Rgb, boxes: Sequence[Box]) -> list[Mask]:
        return [Mask(features[..., 0] > 127, 0.9) for _ in boxes]


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    bag = record(tmp_path / "long.mcap", range(FRAMES), draw=drifting)
    settings = load_settings(None, dict(SETTINGS))
    models = Brightest()
    teacher = Teacher(models, models, FlowPropagator(), settings.parsed_prompts(), settings.refinement())
    sizes = []
    with closing(open_input(bag)) as source, closing(LabellingRun(tmp_path / "out", source, teacher, settings)) as run:
        for progress in run.run():
            assert progress.instances
            sizes.append(resident_bytes())
        assert run.finish()["kept"] == FRAMES
    held = (FRAMES - WARM) * HEIGHT * WIDTH * 3  # what the frames after the warm-up would take if they were kept
    assert max(sizes[WARM:]) - max(sizes[:WARM]) < held / 4
