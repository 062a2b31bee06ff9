"""What tiles and doubt cost beside the network: `python -m afss_ros.evaluation.view_cost`.

The network's answers are made up, so the figures are this package's own work alone, on one thread: medians, in
milliseconds. Other work on the machine makes them worse.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.evaluation.latency import sample_picture
from afss_ros.labels import CLASS_NAMES
from afss_ros.perception import Detection, Perception
from afss_ros.student.contract import StudentContract
from afss_ros.student.doubt import doubt, glance
from afss_ros.student.view import Tiling, View
from afss_ros.terminal import screen

NETWORK = (512, 512)
LABELS = (256, 256)
FRAMES = ((1024, 1024), (1200, 1920), (2048, 2048))
"""(H, W) of the frames that are seen in tiles."""


def measure_tiling(source: tuple[int, int], repeats: int = 15) -> dict[str, Any]:
    """Cutting a frame of `source` (H, W) into tiles, and blending the answers of all of them.

    The craft fills most of the frame: the whole view votes too, which is the costliest case.
    """
    view = View(source, _contract(), Tiling("auto"))
    frame = sample_picture(*source)
    images = view.network_images(frame)
    looks = [_answer(image) for image in images]
    box = np.array([source[1] / 8, source[0] * 3 / 8, source[1] * 7 / 8, source[0] * 5 / 8], np.float32)
    seen = (Detection("spacecraft", box, 0.9),)
    return {
        "frame": source,
        "inferences": len(images),
        "cut_ms": _median_ms(lambda: view.network_images(frame), repeats),
        "blend_ms": _median_ms(lambda: view.together(looks, seen, 0.25), repeats),
    }


def measure_doubt(side: int = 512, craft: int = 2, repeats: int = 200) -> float:
    """Judging one frame, with a label map of `side` pixels and some craft, against the one before: milliseconds."""
    labels = _label_map(sample_picture(side, side), (side, side))
    boxes = [np.array([10 + 40 * i, side // 4, side // 2 + 40 * i, side // 2], np.float32) for i in range(craft)]
    seen = Perception(
        tuple(Detection("spacecraft", box, 0.8) for box in boxes), labels, CLASS_NAMES, craft_confidence=0.9
    )
    before = glance(seen, (side, side))
    return _median_ms(lambda: doubt(seen, glance(seen, (side, side)), before, threshold=0.5), repeats)


def main() -> int:
    """Measure and print."""
    cv2.setNumThreads(1)
    console = screen()
    for source in FRAMES:
        row = measure_tiling(source)
        console.print(
            f"{source[1]}x{source[0]} in tiles of {NETWORK[0]}: {row['inferences']} inferences,"
            f" cut {row['cut_ms']:.1f} ms, blend {row['blend_ms']:.1f} ms",
            highlight=False,
        )
    console.print(f"doubt, 2 craft, 512x512 label map: {measure_doubt():.2f} ms", highlight=False)
    return 0


def _contract() -> StudentContract:
    return StudentContract("1", "made up", CLASS_NAMES, NETWORK, LABELS, "", "", {}, "", "", None, True, "labels")


def _answer(image: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    labels = _label_map(image, LABELS)
    return {"labels": labels[None], "confidence": np.full((1, *LABELS), 230, np.uint8)}


def _label_map(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Three parts in stripes where the picture is bright."""
    small = np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    stripes = (np.arange(size[1]) * 3 // size[1] + 1).astype(np.uint8)
    return np.where(small.max(axis=2) > 60, stripes, np.uint8(0))


def _median_ms(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = perf_counter_ns()
        work()
        times.append((perf_counter_ns() - start) / 1e6)
    return float(median(times))


if __name__ == "__main__":
    sys.exit(main())
