"""How much faster labelling is than the reference way, with the same models, views and frames.

    python -m afss_ros.labelling.benchmark flight.mcap --config config/label.yaml --set refine.views=v2 --frames 8

The reference way (that of the AFSS scripts) takes one image at a time, in fp32, and computes features again for every
view. Here all views of a batch of frames are one call of the detector, and each frame is encoded once for all views.
Both ways take turns, batch by batch, so that a machine that is busy with other things is as slow for one as for the
other; the labels of both are compared, and a benchmark whose boxes differ fails.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from afss_ros.labelling.assemble import Teacher, assemble
from afss_ros.labelling.console import gpu_memory
from afss_ros.labelling.inputs import open_input
from afss_ros.labelling.settings import load_settings, parse_overrides
from afss_ros.sources import Unreadable
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.prompts import CRAFT, Prompts
from afss_ros.teacher.protocols import Detector, Rgb, Segmenter
from afss_ros.teacher.refinement.fusion import box_iou
from afss_ros.teacher.refinement.refine import label_batch
from afss_ros.teacher.values import Box, Labelled, Mask, mask_iou

T = TypeVar("T")
STAGES = ("detect", "encode", "segment", "rest")
_SAME_BOX = {"bf16": 0.8}
"""Least IoU of boxes that are the same, 0.98 unless given: in bf16 a side of a box has 8 bits, and may lie 1/256 of the
picture off."""
_SAME_SCORE = 0.02
"""Largest difference of their scores; batches round differently."""


@dataclass(slots=True)
class Stopwatch:
    """Seconds and calls of each stage: processor time on a CPU, which a busy machine hardly changes, else wall time."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    calls: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    clock: Callable[[], float] = time.perf_counter

    def time(self, stage: str, work: Callable[[], T]) -> T:
        """Do the work; its time goes to `stage`, and stages timed within it do not count twice."""
        inner, started = self.total, self.clock()
        result = work()
        self.seconds[stage] += self.clock() - started - (self.total - inner)
        self.calls[stage] += 1
        return result

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())


@dataclass(frozen=True, slots=True)
class TimedDetector:
    """A detector under a stopwatch; `one_at_a_time` hands it one picture a call, as the reference does."""

    detector: Detector
    watch: Stopwatch
    one_at_a_time: bool

    @property
    def reads(self) -> bool:
        """As the detector."""
        return self.detector.reads

    @property
    def classes(self) -> tuple[str, ...]:
        """As the detector."""
        return self.detector.classes

    @property
    def provenance(self) -> dict[str, object]:
        """That of the detector."""
        return dict(self.detector.provenance)

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        """See `teacher.Detector.detect`."""
        batches = [[image] for image in images] if self.one_at_a_time else [images]
        found: list[list[Box]] = []
        for batch in batches:
            found += self.watch.time("detect", partial(self.detector.detect, batch, prompts))
        return found


@dataclass(frozen=True, slots=True)
class TimedSegmenter:
    """A segmenter under a stopwatch."""

    segmenter: Segmenter
    watch: Stopwatch

    @property
    def provenance(self) -> dict[str, object]:
        """That of the segmenter."""
        return dict(self.segmenter.provenance)

    def encode(self, image: Rgb) -> Any:
        """See `teacher.Segmenter.encode`."""
        return self.watch.time("encode", lambda: self.segmenter.encode(image))

    def segment(self, features: Any, boxes: Sequence[Box]) -> list[Mask]:
        """See `teacher.Segmenter.segment`."""
        return self.watch.time("segment", lambda: self.segmenter.segment(features, boxes))


def ours(teacher: Teacher, images: Sequence[Rgb], watch: Stopwatch) -> list[list[Labelled]]:
    """Label a batch as `afss label` does."""
    detector, segmenter = TimedDetector(teacher.detector, watch, False), TimedSegmenter(teacher.segmenter, watch)
    with teacher.computing():
        return watch.time("rest", lambda: label_batch(images, detector, segmenter, teacher.prompts, teacher.refinement))


def reference(teacher: Teacher, images: Sequence[Rgb], watch: Stopwatch) -> list[list[Labelled]]:
    """Label a batch as the reference does: in fp32, whatever the teacher's precision."""
    detector, segmenter = TimedDetector(teacher.detector, watch, True), TimedSegmenter(teacher.segmenter, watch)
    refinement = dataclasses.replace(teacher.refinement, share_features=False)

    def work() -> list[list[Labelled]]:
        return [label_batch([i], detector, segmenter, teacher.prompts, refinement)[0] for i in images]

    return watch.time("rest", work)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike the labels of two ways are.

    Attributes:
        crafts: how many crafts the reference way found.
        box_iou: the least IoU of a craft's box with its counterpart; 0 when one way found a craft and one did not.
        score: the largest difference of their detector scores.
        mask_iou: the mean IoU of their masks. The reference segments each view's own picture, so that this tells how
            much its masks depend on the view; it is no error of either way.
    """

    crafts: int
    box_iou: float
    score: float
    mask_iou: float


def agreement(slow: Sequence[Sequence[Labelled]], fast: Sequence[Sequence[Labelled]]) -> Agreement:
    """Compare the best craft of each frame."""
    boxes, scores, masks = [1.0], [0.0], []
    for a, b in zip(slow, fast, strict=True):
        first, second = (next((i for i in found if i.class_name == CRAFT), None) for found in (a, b))
        if first is None or second is None:
            boxes.append(1.0 if first is second else 0.0)
            continue
        boxes.append(box_iou(first.box_xyxy, second.box_xyxy))
        scores.append(abs(first.scores["detector_score"] - second.scores["detector_score"]))
        masks.append(mask_iou(first.mask, second.mask))
    crafts = sum(any(i.class_name == CRAFT for i in found) for found in slow)
    return Agreement(crafts, min(boxes), max(scores), float(np.mean(masks)) if masks else 1.0)


def measure(teacher: Teacher, images: list[Rgb]) -> tuple[Stopwatch, Stopwatch, Agreement]:
    """Label the images both ways, in turns; ours comes first, so that what is cold is cold for us."""
    on_gpu = bool(gpu_memory())
    clock = time.perf_counter if on_gpu else time.process_time
    slow, fast = Stopwatch(clock=clock), Stopwatch(clock=clock)
    if on_gpu:  # choosing kernels takes longer than a frame does
        for way in (ours, reference):
            way(teacher, images[: teacher.batch], Stopwatch())
    of_slow: list[list[Labelled]] = []
    of_fast: list[list[Labelled]] = []
    for first in range(0, len(images), teacher.batch):
        batch = images[first : first + teacher.batch]
        of_fast += ours(teacher, batch, fast)
        of_slow += reference(teacher, batch, slow)
    return slow, fast, agreement(of_slow, of_fast)


def summary(slow: Stopwatch, fast: Stopwatch, same: Agreement, teacher: Teacher, frames: int) -> str:
    """The figures as a table a person can read."""
    views, precision = len(teacher.refinement.views), teacher.precision or "no torch"
    lines = [f"{'s a frame (calls)':18}{''.join(f'{stage:>16}' for stage in STAGES)}{'all':>10}"]
    for name, watch in (("reference", slow), ("here", fast)):
        stages = "".join(f"{watch.seconds[s] / frames:>10.3f} ({watch.calls[s]:>3})" for s in STAGES)
        lines.append(f"{name:18}{stages}{watch.total / frames:>10.3f}")
    lines.append(
        f"{frames} frames, {views} views, {precision}: {slow.total / fast.total:.2f} times as fast{gpu_memory()}"
    )
    lines.append(
        f"labels of both ways: {same.crafts} crafts, least box IoU {same.box_iou:.3f}, scores within {same.score:.3f},"
        f" mean mask IoU {same.mask_iou:.3f}"
    )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m afss_ros.labelling.benchmark", description=__doc__)
    parser.add_argument("source", type=Path, help="a bag, a folder of pictures or a video")
    parser.add_argument("--topic", help="an image topic of the bag")
    parser.add_argument("--config", type=Path, help="settings of the teacher; default: the offline baseline")
    parser.add_argument("--set", action="append", default=[], help="any setting, as of `afss label`")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--json", type=Path, help="write every figure here")
    given = parser.parse_args(arguments)
    teacher = assemble(load_settings(given.config, {"keep": "", **parse_overrides(given.set)}))
    source = open_input(given.source, [given.topic] if given.topic else [])
    images = [item.read() for item in islice(source, given.frames) if not isinstance(item, Unreadable)]
    source.close()
    if not images:
        raise TeacherError(f"{given.source}: no frame to measure with")
    slow, fast, same = measure(teacher, images)
    sys.stdout.write(summary(slow, fast, same, teacher, len(images)))
    if given.json:
        ways = {"reference": slow.seconds, "here": fast.seconds, "agreement": dataclasses.asdict(same)}
        given.json.write_text(json.dumps({"frames": len(images), "speed": slow.total / fast.total, **ways}, indent=1))
    if same.box_iou < _SAME_BOX.get(teacher.precision or "", 0.98) or same.score > _SAME_SCORE:
        raise TeacherError("the two ways give different boxes, so their speeds cannot be compared")


if __name__ == "__main__":
    main()
