"""A whole student on real ONNX Runtime: a frame in, source pixels out."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_students import build_tiny_student

from afss_ros.perception import Frame, Perception
from afss_ros.student import Student, StudentError

GREY, BLUE, RED = (200, 200, 200), (0, 0, 220), (220, 0, 0)


def scene(height: int, width: int, *blocks: tuple[int, int, int, int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """A black picture with rectangles (x0, y0, x1, y1, colour)."""
    image = np.zeros((height, width, 3), np.uint8)
    for x0, y0, x1, y1, color in blocks:
        image[y0:y1, x0:x1] = color
    return image


@pytest.fixture(scope="module")
def student(tiny_student: Path) -> Student:
    return Student(tiny_student, provider="cpu", threads=1)


def test_labels_and_boxes_come_out_in_source_pixels(student: Student) -> None:
    image = scene(128, 256, (64, 32, 128, 64, GREY), (128, 32, 160, 64, BLUE), (32, 32, 64, 64, RED))
    seen = student(Frame(image, stamp_ns=7))
    assert seen.labels is not None and seen.labels.shape == (128, 256)
    assert [int(seen.labels[48, x]) for x in (16, 48, 96, 144, 200)] == [0, 3, 1, 2, 0]
    (craft,) = seen.detections
    assert craft.class_name == "spacecraft"
    assert craft.box_xyxy.tolist() == [32, 32, 160, 64]
    assert seen.stamp_ns == 7


def test_the_score_is_the_confidence_of_the_pixels(student: Student) -> None:
    (craft,) = student(Frame(scene(64, 64, (8, 8, 24, 24, GREY)))).detections
    assert craft.score == pytest.approx(200 / 255)


def test_a_picture_of_the_networks_size_is_exact_to_the_pixel(student: Student) -> None:
    seen = student(Frame(scene(64, 64, (3, 5, 20, 31, GREY))))
    assert seen.detections[0].box_xyxy.tolist() == [3, 5, 20, 31]
    assert seen.labels is not None and seen.labels.sum() == 17 * 26


def test_the_best_score_comes_first_and_weak_ones_are_dropped(tiny_student: Path) -> None:
    image = scene(64, 64, (2, 2, 12, 12, (110, 110, 110)), (50, 50, 60, 60, GREY), (40, 2, 50, 12, (160, 160, 160)))
    with Student(tiny_student, score_threshold=0.5) as student:
        scores = [d.score for d in student(Frame(image)).detections]
    assert scores == pytest.approx([200 / 255 * (1 / 3) ** 0.1, 160 / 255 * (1 / 3) ** 0.1])


def test_a_craft_in_pieces_comes_out_once(tiny_student: Path) -> None:
    image = scene(64, 64, (4, 20, 20, 40, BLUE), (22, 20, 40, 40, GREY), (42, 20, 60, 40, BLUE))
    with Student(tiny_student) as merging, Student(tiny_student, merge_gap=0) as splitting:
        assert [d.box_xyxy.tolist() for d in merging(Frame(image)).detections] == [[4, 20, 60, 40]]
        assert len(splitting(Frame(image)).detections) == 3


def test_an_empty_scene_is_an_empty_answer(student: Student) -> None:
    seen = student(Frame(scene(480, 640)))
    assert seen.detections == ()
    assert seen.labels is not None and not seen.labels.any()


def test_a_boxes_student_answers_in_source_pixels_and_without_labels(boxes_student: Path) -> None:
    with Student(boxes_student) as student:
        seen = student(Frame(scene(128, 256, (32, 32, 160, 64, GREY))))
        assert seen.labels is None
        assert [(d.class_name, d.box_xyxy.tolist()) for d in seen.detections] == [("spacecraft", [32, 32, 160, 64])]
        assert seen.detections[0].score == pytest.approx(200 / 255)
        assert student(Frame(scene(128, 256))).detections == ()


def test_stages_are_timed(student: Student) -> None:
    timings = student(Frame(scene(100, 100))).timings_ms
    assert list(timings) == ["preprocess", "inference", "postprocess"]
    assert all(ms >= 0 for ms in timings.values())


def test_nothing_is_remembered_between_frames(student: Student) -> None:
    """A size change, then back: the bars of one letterbox must not show in the next."""
    tall, wide = scene(200, 100, (0, 0, 100, 200, GREY)), scene(100, 200, (0, 0, 100, 50, BLUE))
    first, _, again = student(Frame(wide)), student(Frame(tall)), student(Frame(wide))
    assert first.labels is not None and again.labels is not None
    np.testing.assert_array_equal(first.labels, again.labels)
    assert [d.box_xyxy.tolist() for d in again.detections] == [[0, 0, 100, 50]]


def test_an_answer_stays_when_the_next_frame_is_perceived(student: Student) -> None:
    first = student(Frame(scene(64, 64, (8, 8, 24, 24, GREY))))
    kept = None if first.labels is None else first.labels.copy()
    student(Frame(scene(64, 64)))
    np.testing.assert_array_equal(first.labels, kept)


def test_a_label_map_that_is_asked_for_late_is_that_of_its_frame(student: Student) -> None:
    first = student(Frame(scene(128, 256, (64, 32, 128, 64, GREY))))
    student(Frame(scene(256, 128, (8, 8, 120, 120, BLUE))))
    assert first.labels is not None and first.labels.shape == (128, 256)
    assert first.labels.sum() == 64 * 32 and first.labels[48, 96] == 1
    assert first.labels is first.labels
    another = pickle.loads(pickle.dumps(student(Frame(scene(64, 64, (8, 8, 24, 24, GREY))))))
    assert another.labels.sum() == 16 * 16


def test_calls_from_several_threads_each_get_their_own_answer(student: Student) -> None:
    frames = [Frame(scene(64, 64, (4 * i, 4, 4 * i + 8, 36, GREY))) for i in range(12)]
    seen: dict[int, Perception] = {}

    def perceive(i: int) -> None:
        seen[i] = student(frames[i])

    threads = [threading.Thread(target=perceive, args=(i,)) for i in range(len(frames))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [seen[i].detections[0].box_xyxy[0] for i in range(12)] == [4 * i for i in range(12)]


def test_a_view_with_padded_rows_is_read_right(student: Student) -> None:
    padded = scene(64, 80, (8, 8, 24, 24, GREY), (64, 0, 80, 64, RED))
    assert student(Frame(padded[:, :64])).detections[0].box_xyxy.tolist() == [8, 8, 24, 24]


def test_the_student_says_what_it_is(student: Student, tiny_student: Path) -> None:
    assert student.sha256 == hashlib.sha256(tiny_student.read_bytes()).hexdigest()
    assert student.contract.family == "tiny"
    assert student.class_names[4] == "spacecraft"


def test_the_whole_craft_gets_its_id_when_the_student_declares_parts_only(tmp_path: Path) -> None:
    path = build_tiny_student(tmp_path / "s.onnx", metadata={"afss.class_names": '{"0": "background", "1": "body"}'})
    with Student(path) as student:
        assert student.class_names == {0: "background", 1: "body", 4: "spacecraft"}


def test_warm_up_times_every_round(student: Student) -> None:
    assert len(student.warm_up(4)) == 4


def test_a_closed_student_says_so(tiny_student: Path) -> None:
    student = Student(tiny_student)
    student.close()
    student.close()
    with pytest.raises(StudentError, match=r"closed; open a new Student"):
        student(Frame(scene(64, 64)))


def test_a_slow_student_takes_about_as_long_as_asked(slow_student: Callable[[float], Path]) -> None:
    with Student(slow_student(60.0), threads=1) as student:
        student.warm_up(1)
        took_ms = []
        for _ in range(5):
            start = time.thread_time()  # with one thread, inference runs in this one
            student.warm_up(1)
            took_ms.append((time.thread_time() - start) * 1e3)
        # The shortest: a neighbour on the same core makes the processor itself slower.
        assert 15 < min(took_ms) < 600, took_ms


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(StudentError, match=r"pipe\.onnx is no regular file"):
        Student(tmp_path / "pipe.onnx")


def test_a_file_that_no_model_can_be_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.onnx").open("wb") as file:
        file.truncate(2**35)
    with pytest.raises(StudentError, match=r"sparse\.onnx has 34359738368 bytes; an \.onnx holds 2147483648 at most"):
        Student(tmp_path / "sparse.onnx")


def test_a_calibrated_student_publishes_chances_and_compares_them_with_its_threshold(tmp_path: Path) -> None:
    path = build_tiny_student(tmp_path / "sure.onnx", metadata={"afss.score_calibration": "[1.0, -1.0]"})
    image = scene(64, 64, (2, 2, 22, 22, (215, 215, 215)), (40, 40, 60, 60, (160, 160, 160)))
    with Student(path, provider="cpu", threads=1, score_threshold=0.5) as student:
        seen = student(Frame(image))
    (craft,) = seen.detections
    raw = 215 / 255 * 0.5**0.1  # half of all craft pixels, see `detections.PROMINENCE`
    assert craft.score == pytest.approx(1 / (1 + np.exp(-(np.log(raw / (1 - raw)) - 1))), abs=1e-4)
    (rejected,) = seen.rejected
    raw = 160 / 255 * 0.5**0.1
    assert rejected.score == pytest.approx(1 / (1 + np.exp(-(np.log(raw / (1 - raw)) - 1))), abs=1e-4)
    assert seen.best_rejected == rejected.score
