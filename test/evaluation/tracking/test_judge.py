"""Tracks are judged by the truth of a rendered flight: offline, from a node's recording, and from the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from afss_ros.cli import main
from afss_ros.evaluation.tracking import calibrate, judge, told, truth
from afss_ros.evaluation.tracking.told import ToldCraft, ToldFrame
from afss_ros.tracking import bearing
from afss_ros.tracking.rays import Rays

FRAMES = 12


@pytest.fixture
def flight(rendered_flight: Path) -> Path:
    return rendered_flight


def perfect(true: truth.TrueFlight, names: dict[str, str]) -> dict[int, ToldFrame]:
    """What a tracker would tell that knew everything, with a bearing for each craft."""
    frames = {}
    for stamp, frame in true.frames.items():
        assert frame.camera is not None
        rays = Rays(frame.camera)
        craft = {}
        for number, box in frame.boxes.items():
            guess = bearing.bearing(rays, box, None, at_border=False)
            exact = replace(guess, direction=frame.places[number] / np.linalg.norm(frame.places[number]))
            craft[names[number]] = ToldCraft(box, 0.9, True, exact)
        frames[stamp] = ToldFrame(craft, [c.box for c in craft.values()])
    return frames


def test_who_knows_everything_makes_no_error(flight: Path) -> None:
    true = truth.read(flight)
    figures = judge.figures([judge.judge(true, perfect(true, {"1": "7", "2": "9"}))])
    assert figures["HOTA"] == pytest.approx(1.0) and figures["IDF1"] == 1.0
    assert (figures["crossings"], figures["crossings_switched"], figures["false_tracks"]) == (1, 0, 0)
    assert figures["bearing"][-1]["within_95"] == 1.0
    json.dumps(figures, allow_nan=False)


def test_names_that_swap_at_the_crossing_are_found(flight: Path) -> None:
    true = truth.read(flight)
    right = perfect(true, {"1": "7", "2": "9"})
    wrong = perfect(true, {"1": "9", "2": "7"})
    half = sorted(right)[FRAMES // 2]
    swapped = {stamp: (right if stamp < half else wrong)[stamp] for stamp in right}
    found = judge.judge(true, swapped)
    assert (found.crossings, found.switched, found.counts.switches) == (1, 1, 2)


def test_what_is_on_no_craft_is_a_false_track(flight: Path) -> None:
    true = truth.read(flight)
    frames = perfect(true, {"1": "1", "2": "2"})
    for frame in frames.values():
        box = np.array([1.0, 1.0, 9.0, 9.0])
        frame.craft["3"] = ToldCraft(box, 0.9, True)
        frame.detections.append(box)
    found = judge.judge(true, frames)
    assert (found.false_tracks, found.false_detections) == (1, FRAMES)


def test_a_student_and_a_tracker_are_flown_from_the_command_line(
    flight: Path, tiny_student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    assert main(["evaluate", str(tiny_student), "--truth", str(flight), "--json", str(out)]) == 0
    document = json.loads(out.read_text())
    assert document["flights"] == 1 and 0 <= document["HOTA"] <= 1 and len(document["each"]) == 1
    assert "switches of identity" in capsys.readouterr().out


def test_what_a_run_over_files_told_is_judged(flight: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    true = truth.read(flight)
    length = str(true.lengths["1"])
    assert main(["run", str(flight), "--out", str(tmp_path / "run"), "--tracking", "--target-length", length]) == 0
    out, bag = tmp_path / "figures.json", str(tmp_path / "run" / "run.mcap")
    assert main(["evaluate", "--tracking", bag, "--truth", str(flight), "--json", str(out)]) == 0
    document = json.loads(out.read_text())
    assert document["HOTA"] > 0.4 and document["HOTA_95"][0] < document["HOTA"] < document["HOTA_95"][1]
    assert document["bearing"][-1]["sightings"] > 4 and document["intervals_over"] == "tenths of the flight"
    # One length was told for two craft: what it says of the other one's range is not judged, and that is said.
    assert document["range"]["for_another_length"] > 0 and document["range"]["lengths_m"] == {
        f"crossing:{number}": metres for number, metres in true.lengths.items()
    }
    assert "another length" in capsys.readouterr().out


def test_an_interval_of_one_flight_is_wide_where_its_parts_differ(flight: Path) -> None:
    true = truth.read(flight)
    right = perfect(true, {"1": "7", "2": "9"})
    whole = judge.figures([judge.judge(true, right, in_pieces=True)])
    assert whole["HOTA_95"] == pytest.approx([1.0, 1.0]) and whole["IDF1_95"] == [1.0, 1.0]
    half = {stamp: frame for i, (stamp, frame) in enumerate(right.items()) if i % 2}
    low, high = judge.figures([judge.judge(true, half, in_pieces=True)])["IDF1_95"]
    assert high - low > 0.1


@pytest.mark.parametrize("arguments", [["--tracking", "x.mcap"], ["--truth", "x.mcap"], []])
def test_half_a_question_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *arguments]) == 2
    assert "--truth" in capsys.readouterr().err


def test_a_recording_without_tracks_is_refused_with_the_cure(flight: Path) -> None:
    with pytest.raises(truth.TruthError, match="tracking:=true"):
        told.from_bag(flight)


def test_a_covariance_that_is_too_small_is_made_as_large_as_it_must_be() -> None:
    random = np.random.default_rng(0)
    errors = 4 * random.chisquare(2, 4000)  # twice the deviation that was told
    sightings = [
        judge.Sighting(float(e), 0.05, float(d), 0.4, 30.0, float(r), 0.2, float(d))
        for e, d, r in zip(errors, np.exp(random.uniform(3.0, 5.4, 4000)), random.normal(0, 0.2, 4000), strict=True)
    ]
    from afss_ros.tracking import calibration

    fitted = calibrate.fitted(sightings)
    assert fitted["BEARING"] == pytest.approx(tuple(2 * v for v in calibration.BEARING), rel=0.15)
    assert fitted["RANGE_BIAS"] == pytest.approx(calibration.RANGE_BIAS, abs=0.06)
