"""Where a frame's processor time goes in perception_node beside its network, and what the guards add to it.

    python -m afss_ros.nodes.bench.own [--model student.onnx] [--side 1024] [--picture frame.png] [--out own.json]

The same functions that the node calls, one after the other in one thread, which counts only its own processor time: so
the figures hold on a machine that is shared. What they leave out is waiting, and the copy that Fast DDS makes. Every
frame is inferred first, and each step is taken twice: the network leaves nothing of the other code in the processor's
caches, so the first time is what a frame costs in flight, and the second what the same work would cost on its own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import serialize_message
from rich.console import Console
from rich.table import Table
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from afss_ros.images import decode_compressed
from afss_ros.monitor import Monitor, load_limits
from afss_ros.nodes.bench.round_trip import _picture
from afss_ros.nodes.image_input import to_rgb
from afss_ros.nodes.messages import detections_message, image_message
from afss_ros.nodes.perception import model_file
from afss_ros.nodes.perception.health.memory import MemoryCheck
from afss_ros.nodes.perception.judging import DUE_AFTER, Judge
from afss_ros.nodes.perception.parameters import SPECS
from afss_ros.nodes.perception.program import collected
from afss_ros.perception import Frame, Perception
from afss_ros.student import Student, letterbox
from afss_ros.student.detections import refuse_impossible
from afss_ros.student.stitch import Outputs
from afss_ros.student.view import View
from afss_ros.terminal import screen

T = TypeVar("T")

RATE_HZ = 30.0
_FRAMES = 60
_DEFAULTS = {spec.name: spec.default for spec in SPECS}
_KNOWN_ANSWER_EVERY_S, _MEMORY_EVERY_S, _LOOKS_PER_S = (
    float(_DEFAULTS[name]) for name in ("model.prove_every", "model.check_memory_every", "monitor.max_rate")
)
_TURN = round(RATE_HZ * DUE_AFTER / _LOOKS_PER_S)
"""Frames with the guards, and as many without: the monitor looks at one of so many."""
_STEPS = (
    "decode",
    "preprocess: letterbox",
    "postprocess: craft in the label map",
    "postprocess: detections and scores",
    "publish: message of detections",
    "publish: its serialisation",
    "publish: label map to source size",
    "publish: message of the mask",
    "publish: its serialisation, the mask's",
)


class _Watch:
    """Processor time of this thread, in milliseconds, by step."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {name: [] for name in _STEPS}

    def __call__(self, step: str, work: Callable[[], T]) -> T:
        began = time.thread_time_ns()
        result = work()
        self.times[step].append((time.thread_time_ns() - began) / 1e6)
        return result


def processor_ms(work: Callable[[], object], runs: int) -> float:
    """Median processor time of this thread in `work`, in milliseconds."""
    times = []
    for _ in range(runs):
        began = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - began) / 1e6)
    return float(np.median(times))


def stages(student: Student, image: NDArray[np.uint8], frames: int = _FRAMES) -> dict[str, dict[str, float]]:
    """Milliseconds of each step between a message and what is published of it.

    Returns:
        By step: "in_flight", the median after an inference, "least", the tenth percentile of that, and "warm", the
        median right after the same step.
    """
    header = Header(frame_id="camera")
    flight, warm = _Watch(), _Watch()
    for _ in range(frames):
        message = image_message(np.array(image), "rgb8", header)
        pixels = _before(flight, student, message)
        looks = student._infer(student._open_session(), pixels)
        for watch in (flight, warm):
            _after(watch, student, looks, student._view_of(image), header)
        _before(warm, student, message)
    skipped = min(3, frames - 1)
    return {
        step: {
            "in_flight": float(np.median(flight.times[step][skipped:])),
            "least": float(np.percentile(flight.times[step][skipped:], 10)),
            "warm": float(np.median(warm.times[step][skipped:])),
        }
        for step in _STEPS
        if flight.times[step]
    }


def _before(watch: _Watch, student: Student, message: Image) -> list[NDArray[np.uint8]]:
    decoded = watch("decode", lambda: to_rgb(message))
    view = student._view_of(decoded)
    return watch("preprocess: letterbox", lambda: view.network_images(decoded))


def _after(watch: _Watch, student: Student, looks: list[Outputs], view: View, header: Header) -> None:
    outputs = looks[0]
    shown = watch("postprocess: craft in the label map", lambda: student._shown(outputs, view.whole))
    found = watch(
        "postprocess: detections and scores",
        lambda: student._detections(outputs, shown, view.whole, student.score_threshold / 2),
    )
    detections = watch("publish: message of detections", lambda: detections_message(found, {}, header, ()))
    watch("publish: its serialisation", lambda: serialize_message(detections))
    if shown is not None:
        labels = watch("publish: label map to source size", lambda: letterbox.take(outputs["labels"][0], view.indices))
        mask = watch("publish: message of the mask", lambda: image_message(labels, "mono8", header))
        watch("publish: its serialisation, the mask's", lambda: serialize_message(mask))


@dataclass(frozen=True, slots=True)
class Guards:
    """What the guards add to a frame at `RATE_HZ` with the default parameters, in milliseconds of processor time.

    Attributes:
        without, guarded: a frame beside its inference, medians over the turns.
        added: median difference of a turn's two halves, with its quartiles `low` and `high`.
        themselves: spent in the guards, timed one by one in the same frames.
        known_answer: share of every frame; too rare to be seen in turns.
    """

    without: float
    guarded: float
    added: float
    low: float
    high: float
    themselves: float
    known_answer: float

    @property
    def share(self) -> float:
        """Of a frame's time, what the guards themselves take."""
        return (self.themselves + self.known_answer) * RATE_HZ / 1e3


def guards_in_turns(student: Student, image: NDArray[np.uint8], turns: int) -> Guards:
    """Some frames with the guards and as many without, in turns, the first of a pair changing."""
    flight = _Flight(student, image)
    flight.turn(True)
    flight.in_guards_ns.clear()
    pairs = []
    for number in range(turns):
        spent = {guarded: flight.turn(guarded) for guarded in ((False, True) if number % 2 else (True, False))}
        pairs.append((spent[False], spent[True]))
    without, guarded = np.median(pairs, axis=0)
    low, added, high = np.percentile([b - a for a, b in pairs], (25, 50, 75))
    return Guards(
        float(without),
        float(guarded),
        float(added),
        float(low),
        float(high),
        float(np.median(flight.in_guards_ns)) / _TURN / 1e6,
        processor_ms(student.prove, 5) / (_KNOWN_ANSWER_EVERY_S * RATE_HZ),
    )


class _Flight:
    """Frames at `RATE_HZ` by a clock of its own."""

    def __init__(self, student: Student, image: NDArray[np.uint8]) -> None:
        self._student, self._image = student, image
        self._now_s = 0.0
        self._judge = Judge(
            lambda: 0.5, Monitor(load_limits()), pictures_per_s=lambda: _LOOKS_PER_S, clock=lambda: self._now_s
        )
        # As where a camera leaves no idle moment: all of it before frames, as late as the node lets it be.
        self._memory = MemoryCheck(
            [held] if (held := student.weights) is not None else [],
            every_s=_MEMORY_EVERY_S,
            free_s=lambda: 0.0,
            clock=lambda: self._now_s,
        )
        self.in_guards_ns: list[int] = []

    def turn(self, guarded: bool) -> float:
        """Milliseconds of processor time of a frame beside its inference."""
        student, image = self._student, self._image
        view = student._view_of(image)
        spent_ns = 0
        if guarded:
            self.in_guards_ns.append(0)
        for _ in range(_TURN):
            self._now_s += 1 / RATE_HZ
            outputs = student._open_session().run(view.network_images(image)[0])
            # Whatever runs first finds not even the interpreter and the clock in the caches, guard or not.
            _watched(_nothing)
            began = time.thread_time_ns()
            if guarded:
                self._timed(lambda outputs=outputs: refuse_impossible(outputs))  # type: ignore[misc]
            labels, found, in_craft, _ = student._understand([outputs], view)
            if guarded:
                seen = Perception(found, labels, student.class_names, craft_confidence=in_craft)
                self._timed(lambda seen=seen: self._look_back(seen))  # type: ignore[misc]
            spent_ns += time.thread_time_ns() - began
        return spent_ns / _TURN / 1e6

    def _timed(self, guard: Callable[[], None]) -> None:
        self.in_guards_ns[-1] += _watched(guard)

    def _look_back(self, seen: Perception) -> None:
        if self._judge.is_due:
            self._judge(Frame(self._image), seen)
        self._memory.before_frame()


def _watched(work: Callable[[], None]) -> int:
    """Nanoseconds of processor time of this thread."""
    began = time.thread_time_ns()
    work()
    return time.thread_time_ns() - began


def _nothing() -> None:
    pass


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Processor time of a frame beside its network, by step, and of guards."
    )
    parser.add_argument("--model", default="", help="student .onnx; the shipped one by default")
    parser.add_argument("--side", type=int, default=1024, help="of the square images, in pixels")
    parser.add_argument("--picture", type=Path, help="seen in their place, as it is")
    parser.add_argument("--frames", type=int, default=_FRAMES, help="of the steps")
    parser.add_argument("--turns", type=int, default=8, help="of frames with the guards and without")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON, too")
    options = parser.parse_args()
    if options.picture is None:
        image = _picture(options.side)
    else:
        image = decode_compressed(options.picture.read_bytes(), options.picture.suffix.lstrip("."))
    model = model_file.locate(options.model)
    cv2.setNumThreads(1)  # as the node's program does
    with Student(model, provider="cpu", threads=1, hold_weights=True) as student:
        student.warm_up(2)
        with collected():
            steps = stages(student, image, options.frames)
            added = guards_in_turns(student, image, options.turns)
    show(screen(), f"{model.name}, {image.shape[1]}x{image.shape[0]} rgb8", steps, added)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        part = options.out.with_suffix(".part")
        part.write_text(
            json.dumps(
                {"model": model.name, "steps": steps, "guards": asdict(added) | {"share": added.share}}, indent=2
            )
            + "\n"
        )
        part.replace(options.out)
    return 0


def show(console: Console, title: str, steps: dict[str, dict[str, float]], added: Guards) -> None:
    """Print both tables."""
    table = Table(title=f"{title}: beside the network, processor ms")
    table.add_column("step")
    columns = ("in_flight", "least", "warm")
    for name in ("in flight", "least", "warm"):
        table.add_column(name, justify="right")
    for name, each in steps.items():
        table.add_row(name, *(f"{each[column]:.3f}" for column in columns))
    table.add_row("together", *(f"{sum(e[c] for e in steps.values()):.3f}" for c in columns), style="bold")
    console.print(table)
    console.print(
        f"guards themselves: {added.themselves:.3f} ms a frame, and {added.known_answer:.3f} for the known answer:"
        f" {added.share:.2%} of a frame at {RATE_HZ:g} Hz\n"
        f"in turns: {added.without:.3f} ms beside inference without them, {added.guarded:.3f} with, difference"
        f" {added.added:.3f} ({added.low:.3f} to {added.high:.3f})"
    )


if __name__ == "__main__":
    sys.exit(main())
