"""What the monitor finds wrong is said until it has seen a picture that is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.monitor import Monitor, load_limits
from afss_ros.nodes.perception.judging import Judge
from afss_ros.perception import Frame, Perception


def test_a_fault_of_a_slow_camera_is_said_between_its_pictures_too() -> None:
    now_s, rate = 100.0, 1.0
    judge = Judge(lambda: 0.5, Monitor(load_limits()), pictures_per_s=lambda: rate, clock=lambda: now_s)

    def look(image: NDArray[np.uint8]) -> str:
        nonlocal now_s
        now_s += 5
        judge(Frame(image, int(now_s * 1e9)), Perception((), np.zeros(image.shape[:2], np.uint8), {}))
        return judge.complaint()

    capped = np.zeros((96, 128, 3), np.uint8)
    said = look(capped)
    assert said.startswith("input: 1 of 1 pictures looked at are ")
    assert judge.complaint() == said, "no picture has come since"
    assert judge.complaint() == said
    right = np.random.default_rng(1).integers(0, 40, (96, 128, 3)).astype(np.uint8)
    right[30:60, 40:90] = 170
    assert look(right) == "" and judge.complaint() == ""
    assert look(capped) != ""
    rate = 0.0
    assert judge.complaint() == "", "nobody looks any more"
