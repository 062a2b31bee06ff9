"""A killed, starved or refused run loses nothing, repeats nothing, and ends with the same bytes."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from full_disk import largest_file
from processes import python, run
from recorded import record

from afss_ros.datasets import load
from afss_ros.labelling.command import label
from afss_ros.labelling.manifest import Manifest, read_manifest
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.errors import TeacherError

TEST = Path(__file__).resolve().parent.parent


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("video", ["off", "flow"])
def test_kills_at_random_points_leave_the_output_of_an_uninterrupted_run(video: str, tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9], broken=[7])
    settings = load_settings(None, {"refine.views": "v4", "video.propagator": video, "video.chunk": 4, "batch": 3})
    counts = label(bag, tmp_path / "whole", settings)
    assert counts["unreadable"] == 1 and counts["skipped"] == 1 and sum(counts.values()) == 11
    whole = tree(tmp_path / "whole")
    out = tmp_path / "killed"
    done = run(python(TEST / "killed_labelling.py", bag, out, "1", video), patience_s=480, changes=_environment())
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) >= 3
    killed = tree(out)
    assert killed.keys() == whole.keys()
    assert [name for name in whole if killed[name] != whole[name]] == []


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": f"{TEST.parent}{os.pathsep}{TEST}", "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize(("room", "reason"), [(2500, "File too large"), (4000, "bytes fit"), (20000, "report.html")])
def test_a_full_disk_stops_with_the_cure_and_goes_on_later(room: int, reason: str, tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(12))
    settings = load_settings(None, {"batch": 2})
    label(bag, tmp_path / "whole", settings)
    out = tmp_path / "starved"
    with largest_file(room), pytest.raises(TeacherError, match=rf"{reason}.*run the same command again"):
        label(bag, out, settings)
    listed = [record["key"] for record in read_manifest(out / "manifest.jsonl")]
    assert len(set(listed)) == len(listed)
    assert (len(listed) == 12) == (reason == "report.html")
    label(bag, out, settings)
    assert tree(out) == tree(tmp_path / "whole")


def test_a_disk_without_room_for_the_first_file_leaves_nothing_that_is_in_the_way_later(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(2))
    with largest_file(100), pytest.raises(TeacherError, match=r"dataset.json: cannot be written"):
        label(bag, tmp_path / "labels", load_settings(None), bag=False)
    assert label(bag, tmp_path / "labels", load_settings(None), bag=False)["kept"] == 2


def test_an_unwritable_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(2))
    (tmp_path / "file").write_text("")
    with pytest.raises(TeacherError, match=r"cannot be written.*choose another --out"):
        label(bag, tmp_path / "file" / "labels", load_settings(None))


def test_a_finished_set_is_left_as_it_is(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(3))
    out = tmp_path / "labels"
    first = label(bag, out, load_settings(None))
    before = tree(out)
    stamps = {p: p.stat().st_mtime_ns for p in (out / "images").iterdir()}
    assert label(bag, out, load_settings(None)) == first
    assert tree(out) == before
    assert {p: p.stat().st_mtime_ns for p in (out / "images").iterdir()} == stamps


def test_other_settings_or_another_recording_are_not_mixed_in(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(3))
    out = tmp_path / "labels"
    label(bag, out, load_settings(None))
    with pytest.raises(
        TeacherError, match=r"begun with other settings \(keep was 'detector_score >= 0.60 and mask_score"
    ):
        label(bag, out, load_settings(None, {"keep": "detector_score >= 0.5"}))
    record(bag, range(3), period_ns=77)
    with pytest.raises(TeacherError, match="not the same recording"):
        label(bag, out, load_settings(None))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.txt").write_text("")
    with pytest.raises(TeacherError, match="is not empty and holds no labelling"):
        label(bag, tmp_path / "photos", load_settings(None))


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_declaration_that_is_none_is_refused_by_name(content: str, tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(2))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "dataset.json").write_text(content)
    with pytest.raises(TeacherError, match=r"dataset.json is not what a labelling run writes; .*another --out"):
        label(bag, tmp_path / "labels", load_settings(None))


def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(2))
    out = tmp_path / "labels"
    label(bag, out, load_settings(None))
    manifest = Manifest(out / "manifest.jsonl")
    with pytest.raises(TeacherError, match="another `afss label` is writing here"):
        label(bag, out, load_settings(None))
    manifest.close()


def test_a_truncated_bag_is_labelled_up_to_the_damage(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(12))
    content = bag.read_bytes()
    torn = tmp_path / "torn.mcap"
    torn.write_bytes(content[: int(len(content) * 0.6)])
    counts = label(torn, tmp_path / "labels", load_settings(None), bag=False)
    assert (counts["unreadable"], counts["damaged"]) == (0, 1)
    assert 0 < counts["kept"] < 12
    records = list(read_manifest(tmp_path / "labels" / "manifest.jsonl"))
    assert Counter(r["status"] for r in records) == {k: v for k, v in counts.items() if v}
    assert "damaged" in next(r["reason"] for r in records if r["status"] == "damaged")
    assert len(load(tmp_path / "labels")) == counts["kept"]


def test_the_counts_add_up_and_say_what_became_of_every_frame(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames = [0, 0, 1, 2, 2, 3, 4, 5, 6, 7]
    bag = record(tmp_path / "flight.mcap", frames, broken=[3])
    counts = label(bag, tmp_path / "labels", load_settings(None, {"frames.every": 1}), bag=False)
    assert sum(counts.values()) == len(frames)
    assert counts["unreadable"] == 1 and counts["skipped"] == 1  # the second 0; the first 2 is torn, so 2 is no repeat
    reasons = {r["key"]: r["reason"] for r in read_manifest(tmp_path / "labels" / "manifest.jsonl") if "reason" in r}
    assert reasons["flight_camera_image_000001"].startswith("near-duplicate of flight_camera_image_000000 (")
    summary = json.loads((tmp_path / "labels" / "summary.json").read_text())
    assert summary["frames"] == counts
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1 and warned[0].startswith("flight_camera_image_000003: "), "of the torn one alone"
