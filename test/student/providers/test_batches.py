"""Looks of several cameras in one run: the same answers as one by one, nobody waits for company, nobody waits for ever.

On the processor, where answers are the same to the bit; the node itself shares runs on CUDA alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.distill.export.batch_axis import freed
from afss_ros.perception import Frame
from afss_ros.student import Student
from afss_ros.student.providers import batches
from afss_ros.student.providers.batches import BatchSession, Together
from afss_ros.student.providers.settings import ProviderSettings
from afss_ros.student.shared import FairLock, Shelf


@pytest.fixture(scope="module")
def free_student(tiny_student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("free") / "free.onnx"
    path.write_bytes(freed(tiny_student.read_bytes()))
    return path


@pytest.fixture
def gains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "GAIN", ("cpu",))


class Echo(BatchSession):
    """Answers each picture with its first byte, and notes how many shared each run."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.runs: list[list[int]] = []
        self.fails: list[BaseException] = []

    def run_all(self, images: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        self.runs.append([int(image[0]) for image in images])
        if self.fails:
            raise self.fails.pop()
        return [{"labels": image[:1]} for image in images]


def all_at_once(session: Echo, count: int) -> list[int | str]:
    """What `count` threads are told whose looks come while a run is under way, in the order in which they came."""
    turn = FairLock()
    together = Together(session, turn)
    told: list[int | str] = ["nothing"] * count

    def look(number: int) -> None:
        try:
            told[number] = int(together.run(np.full(4, number, np.uint8))["labels"][0])
        except RuntimeError as error:
            told[number] = str(error)
        except KeyboardInterrupt:
            told[number] = "ended"

    threads = [threading.Thread(target=look, args=(number,)) for number in range(count)]
    with turn:
        for number, thread in enumerate(threads):
            thread.start()
            while len(turn._waiting) <= number:  # until it stands in the queue
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert together._waiting == []
    return told


def test_looks_that_wait_share_a_run_and_each_is_given_its_own_answer() -> None:
    session = Echo(most=4)
    assert all_at_once(session, 4) == [0, 1, 2, 3]
    assert session.runs == [[0, 1, 2, 3]]


def test_what_does_not_fit_into_a_run_is_in_the_next_in_the_order_in_which_it_came() -> None:
    session = Echo(most=2)
    assert all_at_once(session, 5) == [0, 1, 2, 3, 4]
    assert session.runs == [[0, 1], [2, 3], [4]]


def test_a_run_that_fails_fails_for_those_that_shared_it_and_for_nobody_else() -> None:
    session = Echo(most=2)
    session.fails.append(ValueError("the device is lost"))
    assert all_at_once(session, 3) == ["the device is lost", "the device is lost", 2]


def test_a_thread_that_is_told_to_end_in_a_run_leaves_the_others_their_answers() -> None:
    session = Echo(most=3)
    session.fails.append(KeyboardInterrupt())
    assert all_at_once(session, 3) == ["ended", 1, 2]
    assert session.runs == [[0, 1, 2], [1, 2]]


def test_who_is_alone_waits_for_nobody() -> None:
    session = Echo(most=3)
    together = Together(session, FairLock())
    assert [int(together.run(np.full(4, n, np.uint8))["labels"][0]) for n in (7, 8)] == [7, 8]
    assert session.runs == [[7], [8]]


def test_cameras_that_share_runs_see_what_each_would_see_alone(free_student: Path, gains: None) -> None:
    rng = np.random.default_rng(0)
    frames = [[Frame(rng.integers(0, 256, (48, 80, 3), np.uint8)) for _ in range(20)] for _ in range(3)]
    with Student(free_student, provider="cpu") as alone:
        assert alone.batch == 1
        wanted = [[alone(frame) for frame in each] for each in frames]
    shelf = Shelf(cameras=3)
    seats = [shelf.open(free_student, provider="cpu") for _ in frames]
    assert len(shelf) == 1 and [seat.batch for seat in seats] == [3, 3, 3]
    told: list[list[Any]] = [[], [], []]

    def fly(number: int) -> None:
        told[number] += [seats[number](frame) for frame in frames[number]]

    threads = [threading.Thread(target=fly, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, theirs in zip(told, wanted, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.labels is not None and other.labels is not None and np.array_equal(one.labels, other.labels)
            assert [(d.box_xyxy.tolist(), d.score) for d in one.detections] == [
                (d.box_xyxy.tolist(), d.score) for d in other.detections
            ]
    for seat in seats:
        seat.close()
    assert len(shelf) == 0


def test_one_run_of_many_pictures_says_of_each_what_a_run_of_it_alone_says(free_student: Path, gains: None) -> None:
    pictures = list(np.random.default_rng(1).integers(0, 256, (4, 64, 64, 3), np.uint8))
    with Student(free_student, provider="cpu", batch=4) as student, Student(free_student, provider="cpu") as alone:
        session = student._open_session()
        assert isinstance(session, BatchSession)
        for count in (4, 1, 3):
            for picture, answer in zip(pictures, session.run_all(pictures[:count]), strict=False):
                wanted = alone.look(picture)
                assert answer.keys() == wanted.keys() and {v.shape[0] for v in answer.values()} == {1}
                assert all(np.array_equal(answer[name], wanted[name]) for name in wanted)


def test_a_free_axis_is_a_batch_of_one_where_nothing_is_gained(
    free_student: Path, tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"provider": "cpu", "hold_weights": True}
    with Student(free_student, batch=4, **held) as student, Student(tiny_student, **held) as other:  # type: ignore[arg-type]
        assert student.batch == 1 and student.weights is not None
        picture = np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8)
        ours, theirs = student.look(picture), other.look(picture)
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    monkeypatch.setattr(batches, "GAIN", ("cpu",))
    with Student(tiny_student, provider="cpu", batch=4) as fixed:
        assert fixed.batch == 1
    bound = ProviderSettings(binding="device")
    with Student(free_student, provider="cpu", batch=4, provider_settings=bound) as student:
        assert student.batch == 1 and student.binding == "device"
