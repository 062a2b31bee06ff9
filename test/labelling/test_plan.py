"""Units of work: where they end, and what is decoded again after a kill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from recorded import picture

from afss_ros.datasets.phash import perceptual_hash
from afss_ros.images import ImageError
from afss_ros.labelling.inputs import Candidate
from afss_ros.labelling.plan import Cuts, Unit, plan
from afss_ros.labelling.select import Selection
from afss_ros.sources import Unreadable
from afss_ros.teacher.errors import TeacherError

SECOND = 1_000_000_000
ALL = Selection(duplicates=-1)


class Recording:
    """Candidates that count how often each is decoded."""

    def __init__(self, frames: list[int], stamps: list[float] | None = None, torn: tuple[int, ...] = ()) -> None:
        self.decoded: list[str] = []
        self.candidates: list[Candidate | Unreadable] = [
            Candidate(f"f{i}", "cam", round((stamps or range(100))[i] * SECOND), "", "bag:cam", self.reader(i, f, torn))
            for i, f in enumerate(frames)
        ]

    def reader(self, place: int, frame: int, torn: tuple[int, ...]) -> Callable[[], NDArray[np.uint8]]:
        def read() -> NDArray[np.uint8]:
            self.decoded.append(f"f{place}")
            if place in torn:
                raise ImageError("torn")
            return picture(frame)

        return read


def nothing(_: str) -> dict[str, Any] | None:
    return None


def keys(units: list[Unit]) -> list[list[str]]:
    return [[event.key for event in unit.events] for unit in units]


def test_units_have_the_asked_length_and_the_rest_is_the_last() -> None:
    units = list(plan(Recording([0, 1, 2, 3, 4]).candidates, ALL, Cuts(2), nothing))
    assert keys(units) == [["f0", "f1"], ["f2", "f3"], ["f4"]]


def test_a_video_is_cut_at_a_gap_and_at_a_jump_of_the_picture() -> None:
    frames = Recording([0, 1, 2, 3, 4], stamps=[0.0, 0.1, 5.0, 5.1, 5.2])
    assert keys(list(plan(frames.candidates, ALL, Cuts(8, gap_s=2.0, jump=80), nothing))) == [
        ["f0", "f1"],
        ["f2", "f3", "f4"],
    ]
    jump = Recording([0, 0, 9, 9], stamps=[0.0, 0.1, 0.2, 0.3])
    assert keys(list(plan(jump.candidates, ALL, Cuts(8, gap_s=2.0, jump=10), nothing))) == [["f0", "f1"], ["f2", "f3"]]


def test_a_scene_that_stands_still_is_written_down_piece_by_piece() -> None:
    frames = Recording([0, 0, 0, 0, 0, 1, 2], torn=(3,))
    units = list(plan(frames.candidates, Selection(duplicates=4), Cuts(2, events=3), nothing))
    assert keys(units) == [["f0", "f1", "f2"], ["f3", "f4", "f5"], ["f6"]]
    assert [[event.key for event in unit.picks] for unit in units] == [["f0"], ["f5"], ["f6"]]


def test_what_cannot_be_read_or_is_passed_over_is_an_event_in_its_place() -> None:
    frames = Recording([0, 0, 1, 2], torn=(2,))
    (unit,) = plan(frames.candidates, Selection(duplicates=4), Cuts(8), nothing)
    assert [(e.key, e.record and e.record["status"]) for e in unit.events] == [
        ("f0", None),
        ("f1", "skipped"),
        ("f2", "unreadable"),
        ("f3", None),
    ]
    (thinned,) = plan(Recording([0, 1, 2, 3]).candidates, Selection(every=2), Cuts(8), nothing)
    assert thinned.thinned == 2 and [e.key for e in thinned.picks] == ["f0", "f2"]


def manifest(frames: list[int], status: str = "kept") -> dict[str, dict[str, Any]]:
    return {
        f"f{i}": {
            "status": status,
            "stamp_ns": i * SECOND,
            "phash": perceptual_hash(picture(f)).tobytes().hex(),
            "width": 128,
            "height": 96,
        }
        for i, f in enumerate(frames)
    }


def test_a_finished_unit_is_not_decoded_again_and_a_cut_one_is_decoded_whole() -> None:
    frames = Recording([0, 1, 2, 3])
    known = manifest([0, 1, 2])
    units = list(plan(frames.candidates, ALL, Cuts(2), known.get))
    assert keys(units) == [["f0", "f1"], ["f2", "f3"]]
    assert [unit.finished for unit in units] == [True, False]
    assert sorted(frames.decoded) == ["f2", "f3"]
    assert [event.done for event in units[1].events] == [True, False]
    assert all(event.image is not None for event in units[1].events)


def test_a_recording_that_is_another_one_is_refused() -> None:
    frames = Recording([0, 1], stamps=[0.0, 7.0])
    with pytest.raises(TeacherError, match=r"f1 was stamped 1000000000 ns .* not the same recording"):
        list(plan(frames.candidates, ALL, Cuts(2), manifest([0, 1]).get))
