"""Where a frame's processor time goes in perception_node beside its network, and what each guard adds to it.

    python -m afss_ros.nodes.bench.own [--model student.onnx] [--side 1024] [--picture frame.png]

The same functions that the node calls, one after the other in one thread, which counts only its own processor time: so
the figures hold on a machine that is shared. What they leave out is waiting, and the copy that Fast DDS makes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import serialize_message
from rich.console import Console
from rich.table import Table
from std_msgs.msg import Header

from afss_ros.images import decode_compressed
from afss_ros.monitor import Monitor, load_limits
from afss_ros.nodes.bench.round_trip import _picture
from afss_ros.nodes.image_input import to_rgb
from afss_ros.nodes.messages import detections_message, image_message
from afss_ros.nodes.perception import model_file
from afss_ros.nodes.perception.judging import Judge
from afss_ros.perception import Frame
from afss_ros.student import Student, detections, letterbox
from afss_ros.student.stitch import Outputs

RATE_HZ = 30.0
_RUNS = 100


def processor_ms(work: Callable[[], object], runs: int = _RUNS) -> float:
    """Median processor time of this thread in `work`, in milliseconds."""
    times = []
    for _ in range(runs):
        began = time.thread_time_ns()
        work()
        times.append(time.thread_time_ns() - began)
    return float(np.median(times)) / 1e6


def stages(student: Student, image: NDArray[np.uint8]) -> dict[str, float]:
    """Milliseconds of each step between a message and what is published of it."""
    seen = student(Frame(image))
    view = student._view_of(image)
    # The session writes every answer into the same memory.
    looks: list[Outputs] = [
        {name: np.array(value) for name, value in look.items()}
        for look in student._infer(student._open_session(), view.network_images(image))
    ]
    header = Header(frame_id="camera")
    message = image_message(image, "rgb8", header)
    found = {
        "decode": processor_ms(lambda: to_rgb(message)),
        "preprocess: letterbox": processor_ms(lambda: view.network_images(image)),
        "postprocess: detections": processor_ms(lambda: student._detections(looks[0], view.whole, 0.25)),
        "postprocess: label map to source size": processor_ms(
            lambda: letterbox.take(looks[0]["labels"][0], view.indices)
        ),
        "postprocess: the rest": 0.0,
        "publish: detections": processor_ms(
            lambda: serialize_message(detections_message(seen.detections, {}, header, ()))
        ),
    }
    whole = processor_ms(lambda: student._understand(looks, view))
    found["postprocess: the rest"] = max(
        whole - found["postprocess: detections"] - found["postprocess: label map to source size"], 0.0
    )
    if seen.labels is not None:
        mask = seen.labels
        found["publish: mask, made"] = processor_ms(lambda: image_message(mask, "mono8", header))
        made = image_message(mask, "mono8", header)
        found["publish: mask, serialised"] = processor_ms(lambda: serialize_message(made))
    return found


def guards(student: Student, image: NDArray[np.uint8]) -> dict[str, tuple[float, float]]:
    """Milliseconds of each guard each time, and how often a second it happens with the default parameters."""
    seen = student(Frame(image))
    looks = student._infer(student._open_session(), student._view_of(image).network_images(image))
    judge = Judge(lambda: 0.5, Monitor(load_limits()), pictures_per_s=lambda: 1e9)
    found = {
        "outputs in range": (processor_ms(lambda: detections.refuse_impossible(looks[0])), RATE_HZ),
        "picture and doubt looked at": (processor_ms(lambda: judge(Frame(image), seen)), 2.0),
        "known answer": (processor_ms(student.prove, 10), 1 / 60),
    }
    if (held := student.weights) is not None:
        found["weights hashed, all"] = (
            processor_ms(lambda: [held.check(piece) for piece in range(held.pieces)], 10),
            1 / 10,
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Processor time of a frame beside its network, by step and guard.")
    parser.add_argument("--model", default="", help="student .onnx; the shipped one by default")
    parser.add_argument("--side", type=int, default=1024, help="of the square images, in pixels")
    parser.add_argument("--picture", type=Path, help="seen in their place, as it is")
    options = parser.parse_args()
    if options.picture is None:
        image = _picture(options.side)
    else:
        image = decode_compressed(options.picture.read_bytes(), options.picture.suffix.lstrip("."))
    model = model_file.locate(options.model)
    with Student(model, provider="cpu", threads=1, hold_weights=True) as student:
        student.warm_up(2)
        steps, added = stages(student, image), guards(student, image)
    console = Console()
    height, width = image.shape[:2]
    table = _table(f"{model.name}, {width}x{height} rgb8: beside the network", "processor ms")
    for name, each in steps.items():
        table.add_row(name, f"{each:.3f}")
    table.add_row("together", f"{sum(steps.values()):.3f}", style="bold")
    console.print(table)
    table = _table(f"guards, of {1e3 / RATE_HZ:.1f} ms", "processor ms", "a second", "share of a frame")
    shares = {name: each * often / 1e3 for name, (each, often) in added.items()}
    for name, (each, often) in added.items():
        table.add_row(name, f"{each:.3f}", f"{often:.3g}", f"{shares[name]:.2%}")
    table.add_row("together", "", "", f"{sum(shares.values()):.2%}", style="bold")
    console.print(table)
    return 0


def _table(title: str, *columns: Any) -> Table:
    table = Table(title=title)
    table.add_column("step")
    for column in columns:
        table.add_column(column, justify="right")
    return table


if __name__ == "__main__":
    sys.exit(main())
