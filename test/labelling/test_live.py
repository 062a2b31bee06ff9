"""Live frames add up: labelled, or missed and named, through a full queue, a stop, a failure and a replay."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from full_disk import largest_file
from numpy.typing import NDArray
from recorded import START, picture

from afss_ros.datasets import load
from afss_ros.labelling.engine import Progress
from afss_ros.labelling.job import Job, JobState
from afss_ros.labelling.live import LiveInput
from afss_ros.labelling.manifest import Missed, read_manifest
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.models.checkpoints import Access

PERIOD = 100_000_000


def offer(live: LiveInput, indices: range) -> None:
    for index in indices:
        live.offer(START + index * PERIOD, "camera", partial(picture, index))


def start(out: Path, live: LiveInput, advanced: Callable[[Progress], None], **settings: object) -> Job:
    chosen = load_settings(None, {"batch": 2, **settings})
    return Job(out, chosen, Access(), lambda: live, advanced, bag=False)


def statuses(out: Path) -> Counter[str]:
    return Counter(record["status"] for record in read_manifest(out / "manifest.jsonl"))


def named(frames: list[Missed]) -> list[int]:
    return [(frame.stamp_ns - START) // PERIOD for frame in frames]


def stopped_while_labelling(out: Path, within_s: float, **settings: object) -> JobState:
    """Twelve frames, and a stop, as Ctrl-C does it, while the first is being labelled."""
    live, begun, stopped = LiveInput("/image", 256), threading.Event(), threading.Event()

    def wait(progress: Progress) -> None:
        begun.set()
        stopped.wait()

    offer(live, range(12))
    job = start(out, live, wait, **settings)
    assert begun.wait(60)
    live.end()
    job.stop(within_s)
    stopped.set()
    job.join()
    assert not live.missed
    return job.state


def test_what_waits_when_a_live_set_is_ended_is_still_labelled(tmp_path: Path) -> None:
    state = stopped_while_labelling(tmp_path / "live", within_s=120.0)
    assert (state.phase, state.counts) == (
        "done",
        {"kept": 12, "refused": 0, "empty": 0, "skipped": 0, "unreadable": 0, "thinned": 0},
    )
    assert (tmp_path / "live" / "report.html").exists()


@pytest.mark.parametrize("settings", [{}, {"frames.every": 3}], ids=["every frame", "every third"])
def test_what_was_not_labelled_in_time_is_named_and_the_set_is_finished(
    settings: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "live"
    state = stopped_while_labelling(out, within_s=0.0, **settings)
    assert state.phase == "stopped" and state.counts is not None
    assert state.counts["kept"] == 1 and state.counts["missed"] == 11 and sum(state.counts.values()) == 12
    assert state.missed[0] == f"image_{START + 11 * PERIOD}" and len(state.missed) == 5
    assert statuses(out) == {"kept": 1, "missed": 11}
    summary = json.loads((out / "summary.json").read_text())
    assert summary["frames"] == state.counts
    assert all((out / name).exists() for name in ("report.html", "instances.json", "yolo.yaml"))
    text = (out / "report.html").read_text()
    assert f"image_{START + 11 * PERIOD}" in text and "labelling ended before it" in text


def test_a_replay_labels_what_was_missed_and_nothing_twice(tmp_path: Path) -> None:
    out = tmp_path / "live"
    before = stopped_while_labelling(out, within_s=0.0)
    live = LiveInput("/image", 256)
    offer(live, range(12))
    live.end()
    job = Job(out, load_settings(None, {"batch": 2}), Access(), lambda: live, lambda progress: None, before=before)
    assert job.state.counts == before.counts
    job.join()
    assert statuses(out) == {"kept": 12} and job.state.counts is not None and "missed" not in job.state.counts
    assert [s.attributes["stamp_ns"] for s in load(out)] == [START + i * PERIOD for i in range(12)]


def test_a_resumed_set_remembers_what_was_missed(tmp_path: Path) -> None:
    out = tmp_path / "live"
    stopped_while_labelling(out, within_s=0.0)
    live = LiveInput("/image", 256)
    offer(live, range(12, 14))
    live.end()
    job = start(out, live, lambda progress: None)
    job.join()
    assert statuses(out) == {"kept": 3, "missed": 11} and sum((job.state.counts or {}).values()) == 14


def test_frames_that_never_arrived_are_a_place_in_the_manifest_and_no_frames(tmp_path: Path) -> None:
    out = tmp_path / "live"
    live = LiveInput("/image", 256)
    offer(live, range(1))
    live.lost(3, START, START + 4 * PERIOD)
    offer(live, range(4, 5))
    live.end()
    assert live.unwritten == ()
    start(out, live, lambda progress: None).join()
    assert statuses(out) == {"kept": 2, "damaged": 1}
    (place,) = [r["reason"] for r in read_manifest(out / "manifest.jsonl") if r["status"] == "damaged"]
    assert place == f"3 frames never arrived, between the stamps {START} and {START + 4 * PERIOD} ns"
    assert place in (out / "report.html").read_text()


def test_frames_without_room_reach_the_manifest_but_not_those_that_are_labelled_already(tmp_path: Path) -> None:
    out = tmp_path / "live"
    live = LiveInput("/image", 2)
    offer(live, range(4))
    job = start(out, live, lambda progress: None)
    while sum((job.state.counts or {}).values()) < 4:
        time.sleep(0.01)
    offer(live, range(4))
    live.end()
    job.join()
    assert statuses(out) == {"kept": 2 + len({2, 3} & kept(out)), "missed": 2 - len({2, 3} & kept(out))}
    assert not live.missed


def kept(out: Path) -> set[int]:
    return {(s.attributes["stamp_ns"] - START) // PERIOD for s in load(out)}


def test_a_job_that_fails_names_its_queue_and_what_comes_after_and_the_next_one_writes_it_down(tmp_path: Path) -> None:
    """The disk is full, so that not all of it can be written down at once."""
    out = tmp_path / "live"
    live = LiveInput("/image", 256)
    offer(live, range(6))
    with largest_file(3000):
        job = start(out, live, lambda progress: None)
        job.join()
    assert job.state.phase == "failed" and "make room" in job.state.failure
    offer(live, range(6, 8))
    done, unwritten = statuses(out), named(list(live.missed))
    assert unwritten[-2:] == [6, 7] and done["kept"] < 6
    assert done["kept"] + done["missed"] + len(unwritten) == 8
    again = LiveInput("/image", 256, live.missed)
    offer(again, range(8, 9))
    again.end()
    job = start(out, again, lambda progress: None)
    job.join()
    assert statuses(out) == {"kept": done["kept"] + 1, "missed": 8 - done["kept"]} and not again.missed


def test_a_teacher_that_cannot_be_loaded_misses_what_came_meanwhile(tmp_path: Path) -> None:
    live = LiveInput("/image", 256)
    offer(live, range(3))
    job = start(tmp_path / "live", live, lambda progress: None, **{"detector.name": "student"})
    job.join()
    assert job.state.phase == "failed"
    offer(live, range(3, 4))
    assert named(list(live.missed)) == [0, 1, 2, 3]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_teacher_that_breaks_does_not_hang_on_a_camera_that_shows_nothing(tmp_path: Path) -> None:
    def broken() -> NDArray[np.uint8]:
        raise RuntimeError("a defect")

    live = LiveInput("/image", 256)
    offer(live, range(1))
    live.offer(START + PERIOD, "camera", broken)
    job = start(tmp_path / "live", live, lambda progress: None)
    job.join()
    assert (
        job.state.phase == "failed" and named(list(live.missed)) == [] and statuses(tmp_path / "live") == {"missed": 2}
    )
