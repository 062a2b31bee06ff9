"""A day of frames, faster than real time: what a tracker and a downlink keep, hour by hour, must not grow.

python -m afss_ros.evaluation.tracking.day --rate 1
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from afss_ros.downlink import Downlink, summary
from afss_ros.downlink.gather import gather
from afss_ros.labels import BODY, CLASS_NAMES, PANEL
from afss_ros.perception import Detection, Perception
from afss_ros.tracking import Tracker

SIZE = (96, 160)
_MOST = 4


def frames(count: int, rate_hz: float, seed: int = 0) -> Iterator[Perception]:
    """Drawn perceptions: up to four craft that come, drift, leave and come back, and a glint now and then."""
    rng = np.random.default_rng(seed)
    craft: list[dict[str, Any]] = []
    step = min(1 / rate_hz, 1.0)
    for i in range(count):
        if len(craft) < _MOST and rng.random() < 0.02:
            size = rng.uniform(8, 40)
            craft.append(
                {
                    "at": rng.uniform(0, 1, 2) * (SIZE[1], SIZE[0]),
                    "v": rng.normal(0, 4, 2),
                    "side": (size, size * rng.uniform(0.4, 1)),
                }
            )
        for c in craft:
            c["at"] = c["at"] + step * c["v"]
        craft = [c for c in craft if -40 < c["at"][0] < SIZE[1] + 40 and -40 < c["at"][1] < SIZE[0] + 40]
        craft = [c for c in craft if rng.random() > 0.002]
        glint = [{"at": rng.uniform(0, 90, 2), "side": (5, 5)}] if rng.random() < 0.05 else []
        yield _perceived([*craft, *glint], int(i * 1e9 / rate_hz))


def _perceived(craft: Sequence[dict[str, Any]], stamp_ns: int) -> Perception:
    labels = np.zeros(SIZE, np.uint8)
    found = []
    for c in craft:
        half = np.array(c["side"]) / 2
        low = np.clip(c["at"] - half, 0, (SIZE[1], SIZE[0]))
        high = np.clip(c["at"] + half, 0, (SIZE[1], SIZE[0]))
        (x0, y0), (x1, y1) = low.astype(int), high.astype(int)
        if x1 - x0 < 2 or y1 - y0 < 2:
            continue
        labels[y0:y1, x0:x1] = BODY
        labels[y0:y1, (x0 + x1) // 2 : x1] = PANEL
        found.append(Detection("spacecraft", np.array([x0, y0, x1, y1], np.float32), 0.9))
    return Perception(tuple(found), labels, CLASS_NAMES, stamp_ns)


def resident() -> float:
    """MiB of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def live(
    hours: float,
    rate_hz: float,
    told: Callable[[dict[str, Any]], None] = lambda hour: None,
    held_mib: Callable[[], float] = resident,
) -> dict[str, Any]:
    """Track and send down `hours` of frames at `rate_hz`.

    Args:
        told: given the figures of each hour.
        held_mib: how much memory is held.

    Returns:
        MiB held after the first hour, after the last, and at most; and how many times faster than real time it went.
    """
    tracker, link = Tracker(), Downlink(1, bits_per_second=2000.0)
    an_hour = max(round(3600 * rate_hz * min(hours, 1.0)), 1)
    total = max(round(3600 * rate_hz * hours), an_hour)
    held: list[float] = []
    identities = packets = 0
    started = perf_counter()
    for i, perception in enumerate(frames(total, rate_hz), 1):
        tracks = tracker(perception, SIZE)
        identities = max([identities, *(t.identity for t in tracks)])
        link.offer(summary.encode(gather(perception, SIZE, 0.5, tracks)), perception.stamp_ns, 0.5)
        packets += len(link.due(perception.stamp_ns / 1e9))
        if i % an_hour == 0:
            held.append(held_mib())
            told({"hour": len(held), "MiB": round(held[-1], 3), "craft": identities, "packets": packets})
    return {
        "frames": total, "craft": identities, "packets": packets, "first_MiB": held[0], "last_MiB": held[-1],
        "most_MiB": max(held), "times_real_time": total / rate_hz / (perf_counter() - started),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures of each hour, then those of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rate", type=float, default=1.0, help="frames a second")
    options = parser.parse_args(arguments)
    whole = live(options.hours, options.rate, lambda hour: print_line(hour))
    print_line(whole)
    return 0


def print_line(figures: dict[str, Any]) -> None:
    """A line of JSON."""
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
