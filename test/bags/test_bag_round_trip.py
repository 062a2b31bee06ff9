"""Bags of every storage, written and read; damaged ones read up to the damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from afss_ros.bags import BagError, BagReader, BagWriter, messages, typestore

SECOND = 1_000_000_000
TOPIC = "/camera/image"


def picture(value: int, size: int = 64) -> np.ndarray:
    """Noise, so that compression does not make the bag tiny, with a known first pixel."""
    pixels = np.random.default_rng(value).integers(0, 256, (size, size, 3), np.uint8)
    pixels[0, 0] = value
    return pixels


def write(bag: BagWriter, count: int) -> None:
    for i in range(1, count + 1):
        bag.write(TOPIC, messages.image(picture(i), i * SECOND, "camera"), i * SECOND)


def first_pixels(bag: BagReader) -> list[int]:
    return [int(bag.deserialize(m).data[0]) for m in bag.messages([TOPIC])]


@pytest.mark.parametrize(
    ("name", "storage", "compress"),
    [("a.mcap", "mcap", True), ("a.mcap", "mcap", False), ("a", "mcap", True), ("a", "sqlite3", False)],
)
def test_a_bag_reads_back_what_was_written(tmp_path: Path, name: str, storage: str, compress: bool) -> None:
    with BagWriter(tmp_path / name, storage=storage, compress=compress) as bag:
        write(bag, 3)
        assert not (tmp_path / name).exists(), "a bag must not appear before it is complete"
    with BagReader(tmp_path / name) as bag:
        assert {t.name: t.count for t in bag.topics.values()} == {TOPIC: 3}
        assert first_pixels(bag) == [1, 2, 3]
        assert first_pixels(bag) == [1, 2, 3], "reading twice gives the same"
        assert [m.stamp_ns for m in bag.messages()] == [SECOND, 2 * SECOND, 3 * SECOND]
        assert bag.damage is None
    assert [p.name for p in tmp_path.iterdir()] == [name], "nothing else is left behind"


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
@pytest.mark.parametrize("plugin", [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
@pytest.mark.parametrize("with_metadata", [True, False])
def test_zstd_bags_of_ros2_are_read(
    tmp_path: Path, mode: CompressionMode, plugin: StoragePlugin, with_metadata: bool
) -> None:
    path = tmp_path / "zstd"
    writer = Writer(path, version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=typestore())
        for i in (1, 2):
            cdr = typestore().serialize_cdr(messages.image(picture(i), i), "sensor_msgs/msg/Image")
            writer.write(connection, i, cdr)
    if not with_metadata:
        (path / "metadata.yaml").unlink()
    with BagReader(path) as bag:
        assert first_pixels(bag) == [1, 2]
        assert bag.damage is None


def test_a_single_db3_file_without_metadata_is_a_bag(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "a", storage="sqlite3") as bag:
        write(bag, 2)
    with BagReader(tmp_path / "a" / "a.db3") as bag:
        assert first_pixels(bag) == [1, 2]


@pytest.mark.parametrize("compress", [True, False])
def test_a_truncated_mcap_is_read_up_to_the_cut(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "a.mcap"
    with BagWriter(path, compress=compress) as bag:
        for i in range(1, 201):  # 2.4 MB, so more than one chunk
            bag.write(TOPIC, messages.image(picture(i), i), i)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with BagReader(path) as bag:
        read = first_pixels(bag)
        assert read == list(range(1, len(read) + 1))
        assert 90 <= len(read) <= 100, "all that lies before the cut, and nothing invented"
        assert bag.topics[TOPIC].count == len(read)
        assert bag.damage is not None
        assert "cut off" in bag.damage


def test_a_truncated_sqlite_bag_is_read_up_to_the_cut(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "a", storage="sqlite3") as bag:
        for i in range(1, 101):
            bag.write(TOPIC, messages.image(picture(i), i), i)
    file = tmp_path / "a" / "a.db3"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 3 // 4])
    with BagReader(tmp_path / "a") as bag:
        read = first_pixels(bag)
        assert read == list(range(1, len(read) + 1))
        assert len(read) >= 50
        assert bag.damage is not None
        assert "malformed" in bag.damage


def mcap_record(opcode: int, *fields: bytes) -> bytes:
    content = b"".join(fields)
    return struct.pack("<BQ", opcode, len(content)) + content


def mcap_string(text: str) -> bytes:
    return struct.pack("<I", len(text.encode())) + text.encode()


def test_an_mcap_without_chunks_is_read_whole_though_out_of_order(tmp_path: Path) -> None:
    """As rosbag2's fastwrite preset records: no chunks, no index, and stamps that go back."""
    msgtype = "sensor_msgs/msg/Image"
    definition, _ = typestore().generate_msgdef(msgtype, ros_version=2)
    records = [
        mcap_record(0x01, mcap_string("ros2"), mcap_string("test")),
        mcap_record(0x03, struct.pack("<H", 1), mcap_string(msgtype), mcap_string("ros2msg"), mcap_string(definition)),
        mcap_record(0x04, struct.pack("<HH", 1, 1), mcap_string(TOPIC), mcap_string("cdr"), struct.pack("<I", 0)),
    ]
    for value, stamp in ((1, 10), (2, 30), (3, 20), (4, 40)):
        cdr = bytes(typestore().serialize_cdr(messages.image(picture(value), stamp), msgtype))
        records.append(mcap_record(0x05, struct.pack("<HIQQ", 1, 0, stamp, stamp), cdr))
    records += [mcap_record(0x0F, struct.pack("<I", 0)), mcap_record(0x02, struct.pack("<QQI", 0, 0, 0))]
    magic = b"\x89MCAP0\r\n"
    (tmp_path / "fast.mcap").write_bytes(magic + b"".join(records) + magic)
    with BagReader(tmp_path / "fast.mcap") as bag:
        assert first_pixels(bag) == [1, 2, 3, 4]
        assert bag.topics[TOPIC].count == 4
        assert bag.damage is None


def test_an_interrupted_recording_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="camera fell off"), BagWriter(tmp_path / "a.mcap") as bag:
        write(bag, 1)
        raise RuntimeError("camera fell off")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_bag_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(BagError, match="not a bag"):
        BagWriter(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").exists()


def test_a_bag_can_be_written_anew(tmp_path: Path) -> None:
    for count in (3, 1):
        with BagWriter(tmp_path / "a") as bag:
            write(bag, count)
    with BagReader(tmp_path / "a") as bag:
        assert first_pixels(bag) == [1]
    with pytest.raises(BagError, match="exists already"):
        BagWriter(tmp_path / "a", overwrite=False)


def test_what_is_no_bag_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.mcap").write_text("not a bag at all")
    (tmp_path / "empty.mcap").touch()
    (tmp_path / "notes.db3").write_text("not a bag at all, not even a database")
    for name in ("notes.mcap", "empty.mcap", "notes.db3", "missing"):
        with pytest.raises(BagError, match=name):
            BagReader(tmp_path / name)


def test_an_unknown_topic_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "a.mcap") as bag:
        write(bag, 1)
    with BagReader(tmp_path / "a.mcap") as bag, pytest.raises(BagError, match="/camera/image"):
        list(bag.messages(["/imu"]))
