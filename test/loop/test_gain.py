"""Intervals of differences, on scenes that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.datasets import Instance
from afss_ros.evaluation.metrics.detection import ImageObjects
from afss_ros.loop.gain import Draws, gain, kind_of
from afss_ros.loop.judge import Objects


def craft(width: int, *, mask: bool = True) -> Instance:
    area = np.zeros((20, 40), np.bool_)
    area[5:15, :width] = True
    return (
        Instance.from_mask("spacecraft", area)
        if mask
        else Instance("spacecraft", np.array([0, 5, width, 15], np.float32))
    )


def labeller(*widths: int, mask: bool = True) -> Objects:
    """One sequence of one image for each width found of a craft that is 20 wide."""
    return {
        f"s{i}": [ImageObjects(20, 40, (craft(20, mask=mask),), (craft(width, mask=mask),))]
        for i, width in enumerate(widths)
    }


def test_the_same_labeller_gains_nothing_for_sure() -> None:
    one = labeller(20, 15, 12)
    found = gain(one, one, 50)
    assert found["difference"] == {"value": 0.0, "interval": [0.0, 0.0]}
    low, high = found["before"]["interval"]
    assert low < found["before"]["value"] < high


def test_a_labeller_that_is_better_in_every_sequence_is_better_in_every_draw() -> None:
    found = gain(labeller(12, 14, 11), labeller(20, 19, 18), 50)
    assert found["kind"] == "segm"
    assert 0 < found["difference"]["interval"][0] <= found["difference"]["value"]


def test_sequences_with_boxes_alone_are_judged_by_boxes() -> None:
    boxes = labeller(20, 20, mask=False)
    assert kind_of(boxes) == "bbox"
    assert gain(boxes, boxes, 20)["after"]["value"] == pytest.approx(1.0)


def test_a_labeller_of_two_trainings_is_their_mean_and_a_single_sequence_has_no_interval() -> None:
    good, bad = labeller(20, 20), labeller(4, 4)
    value, drawn = Draws(["s0", "s1"], "segm", 60)([good, bad])
    assert value == pytest.approx(0.5)
    assert {0.0, 0.5, 1.0} == {round(float(v), 6) for v in drawn}
    assert len(Draws(["s0"], "segm", 60)([{"s0": good["s0"]}])[1]) == 0
