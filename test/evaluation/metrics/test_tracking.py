"""HOTA, IDF1 and switches are those of trackeval 1.3.0 on the same frames; what is perfect is 1."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.evaluation.metrics.tracking import Boxes, Counts, count, total

Frame = list[tuple[str, list[float]]]

# trackeval 1.3.0 (HOTA, Identity, CLEAR) on `drawn(seed)`.
TRACKEVAL = {
    1: {
        "HOTA": 0.47642799286427584, "DetA": 0.5805890704961686, "AssA": 0.3925889542931605,
        "LocA": 0.7985394131302866, "IDF1": 0.6308724832214765, "IDP": 0.6394557823129252, "IDR": 0.6225165562913907,
        "switches": 3, "fragments": 17,
    },
    2: {
        "HOTA": 0.46363492170671633, "DetA": 0.5873661170340153, "AssA": 0.3674046454331056,
        "LocA": 0.8188010375942941, "IDF1": 0.6137931034482759, "IDP": 0.6402877697841727, "IDR": 0.5894039735099338,
        "switches": 3, "fragments": 23,
    },
}  # fmt: skip


def drawn(seed: int) -> tuple[list[Frame], list[Frame]]:
    """Four craft over 40 frames: one away for a while, two that swap names, one renamed, some missed, some invented."""
    random = np.random.default_rng(seed)
    place, speed, size = random.uniform(0, 80, (4, 2)), random.uniform(-2, 2, (4, 2)), random.uniform(8, 30, (4, 2))
    names, truth, told = np.arange(4), [], []
    for frame in range(40):
        place = place + speed
        true = [(i, [*place[i], *(place[i] + size[i])]) for i in range(4) if not (i == 2 and 10 < frame < 20)]
        if frame == 15:
            names[[0, 1]] = names[[1, 0]]
        if frame == 28:
            names[3] = 4
        found = [
            (int(names[i]), (np.array(box) + random.normal(0, 1.5, 4)).tolist())
            for i, box in true
            if random.random() > 0.15
        ]
        if random.random() < 0.3:
            corner = random.uniform(0, 80, 2)
            found.append((100 + frame // 4, [*corner, *(corner + 12)]))
        truth.append([(str(i), [float(v) for v in box]) for i, box in true])
        told.append([(str(i), [float(v) for v in box]) for i, box in found])
    return truth, told


def boxes(frames: list[Frame]) -> list[Boxes]:
    return [
        Boxes(tuple(name for name, _ in f), np.array([box for _, box in f], np.float64).reshape(-1, 4)) for f in frames
    ]


@pytest.mark.parametrize("seed", TRACKEVAL)
def test_figures_are_those_of_trackeval(seed: int) -> None:
    truth, told = drawn(seed)
    figures = count(boxes(truth), boxes(told)).figures()
    assert {name: figures[name] for name in TRACKEVAL[seed]} == pytest.approx(TRACKEVAL[seed], abs=1e-9)


def test_what_is_perfect_is_one_and_what_is_empty_is_nothing() -> None:
    truth = boxes(drawn(1)[0])
    figures = count(truth, truth).figures()
    assert [figures[n] for n in ("HOTA", "DetA", "AssA", "LocA", "IDF1")] == pytest.approx([1.0] * 5)
    assert figures["switches"] == 0
    nothing = count(truth, [Boxes((), np.zeros((0, 4)))] * len(truth)).figures()
    assert (nothing["HOTA"], nothing["IDF1"]) == (0.0, 0.0)


def test_counts_of_sequences_add_up() -> None:
    first, second = (count(boxes(a), boxes(b)) for a, b in (drawn(1), drawn(2)))
    both = total([first, second])
    assert both.truths == first.truths + second.truths
    low, high = sorted([first.figures()["IDF1"], second.figures()["IDF1"]])
    assert low <= both.figures()["IDF1"] <= high
    assert total([]).figures()["HOTA"] == Counts().figures()["HOTA"] == 0.0


def test_an_identity_twice_in_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="each identity once"):
        Boxes(("1", "1"), np.zeros((2, 4)))
