"""One session for several cameras: the same answers as alone, in turn, and gone when the last one leaves."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from afss_ros.perception import Frame
from afss_ros.student import Student, StudentError, Tiling
from afss_ros.student.shared import FairLock, Shelf


def picture(width: int, height: int, left: int) -> Frame:
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 4 : height // 2, left : left + width // 4] = 200
    return Frame(image, stamp_ns=left + 1)


def test_each_camera_sees_what_it_would_see_alone_however_they_take_turns(tiny_student: Path) -> None:
    shelf = Shelf()
    frames = {"left": [picture(96, 64, i) for i in range(40)], "right": [picture(48, 80, i % 30) for i in range(40)]}
    alone, shared = Student(tiny_student, min_area=4), {}
    wanted = {name: [alone(frame) for frame in each] for name, each in frames.items()}
    seats = {name: shelf.open(tiny_student, min_area=4) for name in frames}
    assert len(shelf) == 1

    def fly(name: str) -> None:
        shared[name] = [seats[name](frame) for frame in frames[name]]

    threads = [threading.Thread(target=fly, args=(name,)) for name in frames]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, told in shared.items():
        for one, other in zip(told, wanted[name], strict=True):
            assert one.labels is not None and other.labels is not None and np.array_equal(one.labels, other.labels)
            assert [d.box_xyxy.tolist() for d in one.detections] == [d.box_xyxy.tolist() for d in other.detections]
    alone.close()
    for seat in seats.values():
        seat.close()
    assert len(shelf) == 0


def test_thresholds_and_tiling_are_each_camera_s_own(tiny_student: Path) -> None:
    shelf = Shelf()
    strict, lax = shelf.open(tiny_student, score_threshold=0.99), shelf.open(tiny_student, tiling=Tiling("auto"))
    assert len(shelf) == 1 and (strict.tiling.mode, lax.tiling.mode) == ("none", "auto")
    frame = picture(96, 64, 8)
    assert (len(strict(frame).detections), len(lax(frame).detections)) == (0, 1)
    strict.score_threshold = 0.5
    assert len(strict(frame).detections) == 1
    strict.close()
    with pytest.raises(StudentError, match="closed"):
        strict(frame)
    assert len(lax(frame).detections) == 1 and len(shelf) == 1
    lax.close()
    lax.close()
    assert len(shelf) == 0


def test_another_file_or_another_way_to_run_it_is_another_session(tiny_student: Path, tmp_path: Path) -> None:
    shelf = Shelf()
    copy = tmp_path / "copy.onnx"
    shutil.copy(tiny_student, copy)
    seats = [shelf.open(tiny_student), shelf.open(copy), shelf.open(copy, threads=1)]
    assert len(shelf) == 3
    shutil.copy(tiny_student, tmp_path / "new.onnx")
    (tmp_path / "new.onnx").replace(copy)
    seats.append(shelf.open(copy))
    assert len(shelf) == 4
    with pytest.raises(StudentError, match="missing"):
        shelf.open(tmp_path / "missing.onnx")
    for seat in seats:
        seat.close()
    assert len(shelf) == 0


def test_a_session_that_fails_its_known_answer_is_given_to_nobody_again(
    tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf()
    first, second = shelf.open(tiny_student), shelf.open(tiny_student)

    def fail(self: Student) -> bool:
        raise StudentError("another answer")

    with monkeypatch.context() as patched:
        patched.setattr(Student, "prove", fail)
        with pytest.raises(StudentError, match="another answer"):
            first.prove()
    assert len(shelf) == 0
    third = shelf.open(tiny_student)
    first.close()
    second.close()
    assert len(shelf) == 1 and len(third(picture(96, 64, 8)).detections) == 1
    third.close()


def test_turns_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    lock, order = FairLock(), []

    def wait(number: int) -> None:
        with lock:
            order.append(number)

    with lock:
        threads = []
        for number in range(8):
            thread = threading.Thread(target=wait, args=(number,))
            thread.start()
            threads.append(thread)
            while len(lock._waiting) <= number:  # until it stands in the queue
                threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(8))
    with lock:
        assert order


def test_a_session_whose_weights_are_damaged_is_given_to_nobody_again(tiny_student: Path) -> None:
    shelf = Shelf()
    first, second = (shelf.open(tiny_student, provider="cpu", hold_weights=True) for _ in range(2))
    assert first.weights is not None and first.weights is second.weights
    first.distrust()
    third = shelf.open(tiny_student, provider="cpu", hold_weights=True)
    assert third.weights is not first.weights
    for seat in (first, second, third):
        seat.close()
    assert len(shelf) == 0
