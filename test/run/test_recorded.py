"""`afss run` keeps what was recorded, says what it replaces, and leaves something to look at."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from afss_ros import labels
from afss_ros.bags import BagReader, BagWriter, messages
from afss_ros.camera import CameraInfo, RegionOfInterest
from afss_ros.run import Options, run

SECOND = 10**9
START = 1_700_000_000 * SECOND


def craft() -> np.ndarray:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[30:50, 40:60] = 150
    return picture


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three frames of a camera that bins its pixels; the second has a stamp before 1970."""
    camera = CameraInfo(
        192, 128, np.eye(3), np.eye(3, 4), binning_x=2, binning_y=2, roi=RegionOfInterest(1, 2, 128, 192)
    )
    path = tmp_path / "in.mcap"
    with BagWriter(path) as bag:
        for place in range(3):
            stamp, recorded = (-7 * SECOND if place == 1 else START + place), START + place
            bag.write("/cam/camera_info", messages.camera_info(camera, stamp, "eye"), recorded)
            bag.write("/cam/image", messages.image(craft(), stamp, "eye"), recorded)
    return path


def test_a_stamp_before_1970_is_kept_and_recorded_under_its_time_of_recording(
    recording: Path, tmp_path: Path, tiny_student: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    with caplog.at_level(logging.WARNING):
        assert run(Options(recording, out, model=tiny_student)).frames == 3
    assert "1 of 3 frames have stamps before 1970" in caplog.text
    with BagReader(out / "run.mcap") as bag:
        for topic in ("/camera/image/compressed", "/camera/camera_info", "/perception_node/detections"):
            found = list(bag.messages([topic]))
            assert [m.stamp_ns for m in found] == [START, START + 1, START + 2]
            assert [bag.deserialize(m).header.stamp.sec for m in found] == [START // SECOND, -7, START // SECOND]


def test_binning_and_region_of_interest_are_carried(recording: Path, tmp_path: Path, tiny_student: Path) -> None:
    out = tmp_path / "out"
    run(Options(recording, out, model=tiny_student, formats=("mcap",)))
    with BagReader(out / "run.mcap") as bag:
        info = bag.deserialize(next(bag.messages(["/camera/camera_info"])))
    assert (info.width, info.height, info.binning_x, info.binning_y) == (192, 128, 2, 2)
    assert (info.roi.x_offset, info.roi.y_offset, info.roi.height, info.roi.width) == (1, 2, 128, 192)


def test_there_is_something_to_look_at(recording: Path, tmp_path: Path, tiny_student: Path) -> None:
    out = tmp_path / "out"
    run(Options(recording, out, model=tiny_student, formats=("masks", "overlays")))
    coloured = np.asarray(cv2.imread(str(out / "masks_colour" / f"{START}.png")))
    assert coloured[40, 50, ::-1].tolist() == labels.color_table()[labels.BODY].tolist()
    sheet = np.asarray(cv2.imread(str(out / "contact_sheet.png")))
    assert sheet.shape[1] == 2000 and sheet.max() > 100


def test_results_of_an_earlier_run_are_not_replaced_without_a_word(
    recording: Path, tmp_path: Path, tiny_student: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    with caplog.at_level(logging.WARNING):
        run(Options(recording, out, model=tiny_student, formats=("coco", "masks")))
        assert "replacing" not in caplog.text
        run(Options(recording, out, model=tiny_student, formats=("coco",)))
    assert f"{out}: replacing the results of an earlier run: detections.json, masks, masks_colour" in caplog.text


def test_a_sheet_of_many_frames_shows_twenty(tmp_path: Path, tiny_student: Path) -> None:
    with BagWriter(tmp_path / "in.mcap") as bag:
        for place in range(95):
            bag.write("/cam/image", messages.image(craft(), START + place), START + place)
    run(Options(tmp_path / "in.mcap", tmp_path / "out", model=tiny_student, formats=("overlays",)))
    sheet = np.asarray(cv2.imread(str(tmp_path / "out" / "contact_sheet.png")))
    cell = (2000 - 6 * 6) // 5
    rows = (sheet.shape[0] - 6) // (round(cell * 64 / 96) + 6)
    assert rows == 4
