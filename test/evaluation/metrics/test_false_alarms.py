"""False alarms and misses against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.datasets import Instance
from afss_ros.evaluation.metrics import calibration
from afss_ros.evaluation.metrics.detection import ImageObjects
from afss_ros.evaluation.metrics.false_alarms import Alarms, interval


def _box(x: float, score: float = 1.0) -> Instance:
    return Instance("spacecraft", np.array([x, 0, x + 10, 10], np.float32), None, score)


def _image(truth: tuple[Instance, ...], *found: Instance) -> ImageObjects:
    return ImageObjects(40, 100, truth, tuple(sorted(found, key=lambda f: -f.score)))


IMAGES = (
    _image((_box(0),), _box(1, 0.9), _box(60, 0.6)),  # found, and an alarm beside it
    _image((_box(0), _box(50)), _box(0, 0.7)),  # one of two
    _image((), _box(30, 0.8)),
    _image((), _box(30, 0.3), _box(60, 0.2)),
    _image(()),
    _image(()),
)


def test_what_is_counted_at_a_threshold() -> None:
    rates = Alarms(IMAGES).at(0.5)
    assert rates["false_alarms"] == 2 and rates["per_image"] == pytest.approx(2 / 6)
    assert (rates["quiet_images"], rates["alarmed_images"], rates["alarmed"]) == (4, 1, 0.25)
    assert rates["per_hour"] == 900
    assert rates["missed"] == pytest.approx(1 / 3)


def test_higher_thresholds_alarm_less_and_miss_more() -> None:
    alarms = Alarms(IMAGES)
    rates = [alarms.at(t) for t in (0.0, 0.3, 0.65, 0.85, 1.0)]
    assert [r["false_alarms"] for r in rates] == [4, 3, 1, 0, 0]
    assert [r["missed"] for r in rates] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 1.0])
    assert alarms.at(0.8)["alarmed_images"] == 1, "a score equal to the threshold counts"


@pytest.mark.parametrize(("rate", "alarmed"), [(0.0, 0), (0.24, 0), (0.25, 1), (0.5, 2), (1.0, 2)])
def test_a_threshold_holds_the_rate_it_was_chosen_for(rate: float, alarmed: int) -> None:
    alarms = Alarms(IMAGES)
    threshold = alarms.threshold_for(rate)
    assert threshold is not None and alarms.at(threshold)["alarmed_images"] == alarmed


def test_a_threshold_keeps_to_its_floor_and_knows_when_there_is_none() -> None:
    assert Alarms(IMAGES).threshold_for(0.5, floor=0.4) == 0.4
    assert Alarms(IMAGES[:2]).threshold_for(0.1) is None, "no image without craft"
    assert Alarms([_image((), _box(0, 1.0))]).threshold_for(0.0) is None, "not even a score of 1 is enough"


def test_sets_without_craft_and_sets_of_craft_alone() -> None:
    empty = Alarms(IMAGES[2:]).at(0.5)
    assert empty["missed"] is None and empty["alarmed"] == 0.25
    full = Alarms(IMAGES[:2]).at(0.5)
    assert full["alarmed"] is None and full["per_hour"] is None and full["missed"] == pytest.approx(1 / 3)


def test_intervals_of_counts_are_those_of_the_tables() -> None:
    # Clopper and Pearson's own example of ten trials, and the rule of three for none.
    assert interval(3, 10) == pytest.approx([0.0667, 0.6525], abs=1e-4)
    none = interval(0, 100)
    assert none is not None and none == pytest.approx([0.0, 0.0362], abs=1e-4)
    assert interval(5, 5) == pytest.approx([0.4782, 1.0], abs=1e-4)
    assert interval(0, 0) is None


def test_calibrated_scores_are_chances_on_other_draws_too() -> None:
    rng = np.random.default_rng(3)

    def judged(count: int) -> list[tuple[float, bool]]:
        scores = rng.uniform(0.05, 0.95, count)
        chances = 1 / (1 + np.exp(-(2.0 * np.log(scores / (1 - scores)) - 1.0)))
        return [(float(s), bool(rng.random() < c)) for s, c in zip(scores, chances, strict=True)]

    line = calibration.fit(judged(4000))
    assert line is not None and line == pytest.approx((2.0, -1.0), abs=0.2)
    others = judged(4000)
    before, after = (calibration.expected_error(j) for j in (others, calibration.calibrated(others, line)))
    assert before is not None and after is not None and before > 0.1 > 0.03 > after


def test_a_fit_needs_right_and_wrong_at_scores_that_differ_and_survives_what_can_be_parted() -> None:
    assert calibration.fit([]) is None and calibration.fit([(0.5, True), (0.5, False)]) is None
    assert calibration.fit([(0.5, True), (0.7, True)]) is None and calibration.fit([(0.5, False), (0.7, False)]) is None
    line = calibration.fit([(0.2, False)] * 50 + [(0.8, True)] * 50)
    assert line is not None and line[0] > 1 and np.isfinite(line).all()
    (low, _), (high, _) = calibration.calibrated([(0.2, False), (0.8, True)], line)
    assert low < 0.1 and high > 0.9
