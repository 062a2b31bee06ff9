"""A recording becomes packets and a tracking data message, on the command line, and comes down as it was told."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from spacepackets.ccsds.spacepacket import SpacePacketHeader

from afss_ros.bags import BagReader, BagWriter, spatial
from afss_ros.cli import main
from afss_ros.downlink import DownlinkError, tdm
from afss_ros.downlink.recorded import Recorded
from afss_ros.downlink.tdm import Observation
from afss_ros.images import decode_labels


@pytest.fixture(scope="module")
def recording(rendered_flight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    words = ["run", str(rendered_flight), "--out", str(out), "--tracking", "--target-length", "8", "--formats", "mcap"]
    assert main(words) == 0
    return out / "run.mcap"


def test_frames_come_down_as_they_were_told(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packets, told, masks = tmp_path / "frames.ccsds", tmp_path / "told.json", tmp_path / "masks"
    assert main(["downlink", "pack", str(recording), "--out", str(packets), "--apid", "42"]) == 0
    raw = packets.read_bytes()
    assert SpacePacketHeader.unpack(raw).apid == 42
    assert main(["downlink", "read", str(packets), "--json", str(told), "--masks", str(masks)]) == 0
    frames = json.loads(told.read_text())["frames"]
    assert "12 frames" in capsys.readouterr().out and len(frames) == 12
    with BagReader(recording) as bag:
        tracks = [bag.deserialize(m) for m in bag.messages(["/perception_node/tracks"])]
        bearings = [bag.deserialize(m) for m in bag.messages(["/perception_node/bearings"])]
        labels = [bag.deserialize(m) for m in bag.messages(["/perception_node/mask"])]
    stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in tracks]
    assert [f["stamp_ns"] for f in frames] == stamps
    assert [len(f["craft"]) for f in frames] == [sum("/" not in d.id for d in m.detections) for m in tracks]
    for frame, message in zip(frames, bearings, strict=True):
        sent = {int(d.id): d.results[0].pose for d in message.detections}
        came = {c["identity"]: c for c in frame["craft"] if c["direction"]}
        assert came.keys() == sent.keys()
        for identity, pose in sent.items():
            at = pose.pose.position
            assert np.allclose(came[identity]["direction"], [at.x, at.y, at.z], atol=1e-8)
            covariance = np.asarray(pose.covariance).reshape(6, 6)[:3, :3]
            assert np.allclose(came[identity]["covariance_rad2"], covariance, rtol=0.05, atol=0.01 * covariance.max())
    assert sum(len(m.detections) for m in bearings) > 4
    for stamp, label_map in zip(stamps, labels, strict=True):
        came_down = decode_labels((masks / f"{stamp}.png").read_bytes())
        assert np.array_equal(came_down, label_map.data.reshape(144, 192))


def test_what_is_lost_and_what_has_no_room_is_said(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packets = tmp_path / "frames.ccsds"
    assert main(["downlink", "pack", str(recording), "--out", str(packets), "--bits-per-second", "3000"]) == 0
    assert "had no room" in capsys.readouterr().out
    raw = packets.read_bytes()
    assert main(["downlink", "read", str(packets), "--json", str(tmp_path / "told.json")]) == 0
    sent = json.loads((tmp_path / "told.json").read_text())["frames"]
    assert 1 < len(sent) < 12 and len(raw) * 8 < 3000 * (2.75 + 1)  # of the flight, and a second at its start
    first = SpacePacketHeader.unpack(raw).packet_len
    damaged = bytearray(raw)
    damaged[first + 20] ^= 1
    packets.write_bytes(bytes(damaged))
    capsys.readouterr()
    assert main(["downlink", "read", str(packets)]) == 3
    assert "1 lost" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["pack", "tdm"])
def test_a_damaged_recording_is_told_of_and_what_is_whole_is_written(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    cut, out = tmp_path / "cut.mcap", tmp_path / "out"
    cut.write_bytes(recording.read_bytes()[:-2000])
    assert main(["downlink", command, str(cut), "--out", str(out)]) == 3
    assert "damaged: " in capsys.readouterr().err and out.stat().st_size > 0


def key_values(text: str) -> list[tuple[str, str]]:
    return [(k.strip(), v.strip()) for k, v in (line.split("=") for line in text.splitlines() if "=" in line)]


def test_a_tracking_data_message_has_every_bearing(recording: Path, rendered_flight: Path, tmp_path: Path) -> None:
    out = tmp_path / "craft.tdm"
    assert main(["downlink", "tdm", str(recording), "--out", str(out), "--observer", "SEEKER"]) == 0
    text = out.read_text()
    pairs = key_values(text)
    assert pairs[0] == ("CCSDS_TDM_VERS", "2.0") and text.count("META_START") == text.count("DATA_STOP") >= 1
    assert ("PARTICIPANT_1", "SEEKER") in pairs and ("PATH", "2,1") in pairs and ("ANGLE_TYPE", "RADEC") in pairs
    name, craft = Recorded(recording).observations()
    assert sum(k == "ANGLE_1" for k, _ in pairs) == sum(map(len, craft.values())) > 4
    assert ("REFERENCE_FRAME", name) in pairs
    # Turned by the true attitude, what the camera saw points where the truth has the craft.
    assert main(["downlink", "tdm", str(recording), "--out", str(out), "--frame", "world"]) == 1
    words = ["--frame", "world", "--tf", str(rendered_flight), "--reference-frame", "ICRF"]
    assert main(["downlink", "tdm", str(recording), "--out", str(out), *words]) == 0
    assert ("REFERENCE_FRAME", "ICRF") in key_values(out.read_text())
    _, turned = Recorded(recording).observations("world", rendered_flight)
    with BagReader(rendered_flight) as bag:
        moved = {
            t.header.stamp.sec * 10**9 + t.header.stamp.nanosec: t.transform.rotation
            for m in bag.messages(["/tf"]) for t in bag.deserialize(m).transforms if t.child_frame_id == name
        }  # fmt: skip
    for identity, seen in turned.items():
        for here, there in zip(craft[identity], seen, strict=True):
            q = moved[there.stamp_ns]
            optical = np.array([-here.direction[1], -here.direction[2], here.direction[0]])
            assert np.allclose(spatial.rotation(q.x, q.y, q.z, q.w) @ optical, there.direction)


def test_angles_are_in_degrees_and_ranges_in_kilometres() -> None:
    seen = [
        Observation(1_700_000_001_500_000_000, np.array([0.0, -2.0, 0.0]), 1e-3, 1500.0),
        Observation(1_700_000_000_000_000_001, np.array([1.0, 0.0, 1.0]), 1e-3),
    ]
    text = tdm.write(
        {"A": seen, "B": []}, observer="C", frame="EME2000", created=datetime(2026, 1, 2, tzinfo=timezone.utc)
    )
    assert text.splitlines()[1] == "CREATION_DATE = 2026-01-02T00:00:00"
    assert text.splitlines()[-7:] == [
        "COMMENT standard deviation of the angles, root mean square: 0.057296 deg",
        "ANGLE_1 = 2023-11-14T22:13:20.000000001 0.000000",
        "ANGLE_2 = 2023-11-14T22:13:20.000000001 45.000000",
        "ANGLE_1 = 2023-11-14T22:13:21.500000000 270.000000",
        "ANGLE_2 = 2023-11-14T22:13:21.500000000 0.000000",
        "RANGE = 2023-11-14T22:13:21.500000000 1.500000",
        "DATA_STOP",
    ]
    with pytest.raises(DownlinkError, match="no bearing"):
        tdm.write({"A": []}, observer="C", frame="F", created=datetime.now(timezone.utc))
    with pytest.raises(DownlinkError, match="ASCII"):
        tdm.write({"A": seen}, observer="Ü", frame="F", created=datetime.now(timezone.utc))


def test_a_bag_without_tracks_is_refused_with_the_cure(
    rendered_flight: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["downlink", "pack", str(rendered_flight), "--out", str(tmp_path / "x")]) == 1
    assert "tracking:=true" in capsys.readouterr().err and not (tmp_path / "x").exists()
    with BagWriter(tmp_path / "two.mcap") as bag:
        for node in ("/a", "/b"):
            bag.write(f"{node}/tracks", spatial.detections_2d([], 1, "eye"), 1)
    with pytest.raises(DownlinkError, match="several topics of tracks: /a/tracks, /b/tracks"):
        Recorded(tmp_path / "two.mcap")
