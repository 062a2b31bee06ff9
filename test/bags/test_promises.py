"""What metadata, index and statistics of a bag promise is counted against what was read, and a difference is named."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import sys
import tracemalloc
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap_bytes import MAGIC, Mcap, record, text
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from afss_ros.bags import BagError, BagReader, BagWriter, messages, serialize, typestore, zstd

if sys.version_info >= (3, 14):
    from compression.zstd import compress
else:
    from backports.zstd import compress

TOPIC = "/cam/image"
IMAGE = "sensor_msgs/msg/Image"


def image(value: int) -> bytes:
    return serialize(messages.image(np.full((2, 2, 3), value, np.uint8), value * 10**9))


def recorded(folder: Path, values: list[int], plugin: StoragePlugin = StoragePlugin.MCAP, packed: bool = False) -> Path:
    """A bag as rosbag2 makes it, with metadata.yaml; message `value` is recorded at second `value`."""
    writer = Writer(folder, version=9, storage_plugin=plugin)
    if packed:
        writer.set_compression(CompressionMode.FILE, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection(TOPIC, IMAGE, typestore=typestore())
        for value in values:
            writer.write(connection, value * 10**9, image(value))
    return folder


def read(path: Path, topic: str = TOPIC) -> tuple[list[int], list[str]]:
    """First pixels of the images, and the damages."""
    with BagReader(path) as bag:
        return [int(bag.deserialize(m).data[0]) for m in bag.messages([topic])], bag.damages


def change(folder: Path, **changes: object) -> None:
    path = folder / "metadata.yaml"
    content = yaml.safe_load(path.read_text())
    content["rosbag2_bagfile_information"] |= changes
    path.write_text(yaml.safe_dump(content))


def topics_of(folder: Path) -> list[dict[str, dict[str, object]]]:
    content = yaml.safe_load((folder / "metadata.yaml").read_text())
    found: list[dict[str, dict[str, object]]] = content["rosbag2_bagfile_information"]["topics_with_message_count"]
    return found


BOTH = pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])


@BOTH
def test_a_bag_that_keeps_its_promises_has_no_damage(tmp_path: Path, plugin: StoragePlugin) -> None:
    assert read(recorded(tmp_path / "flight", [1, 2, 3], plugin)) == ([1, 2, 3], [])


@BOTH
@pytest.mark.parametrize(
    "qos", ["", [], "- history: 3\n  depth: 0\n  reliability: 1\n  durability: 2\n", "nonsense: ["]
)
def test_the_qos_in_the_metadata_costs_no_message(tmp_path: Path, plugin: StoragePlugin, qos: object) -> None:
    folder = recorded(tmp_path / "flight", [1, 2], plugin)
    topics = topics_of(folder)
    topics[0]["topic_metadata"]["offered_qos_profiles"] = qos
    change(folder, topics_with_message_count=topics, version=5)
    assert read(folder) == ([1, 2], [])


@BOTH
@pytest.mark.parametrize("promised", [2, 4, 0])
def test_another_count_in_the_metadata_is_named_and_all_is_read(
    tmp_path: Path, plugin: StoragePlugin, promised: int
) -> None:
    folder = recorded(tmp_path / "flight", [1, 2, 3], plugin)
    topics = topics_of(folder)
    topics[0]["message_count"] = promised  # type: ignore[assignment]
    change(folder, topics_with_message_count=topics)
    values, damages = read(folder)
    assert values == [1, 2, 3]
    assert damages == [f"metadata.yaml promises {promised} messages of {TOPIC}, the files hold 3"]


def test_a_topic_that_only_one_of_metadata_and_files_knows_is_named(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "flight", [1, 2])
    topics = topics_of(folder)
    topics[0]["topic_metadata"]["name"] = "/other"
    change(folder, topics_with_message_count=topics)
    assert read(folder) == (
        [1, 2],
        [
            "metadata.yaml promises 2 messages of /other, the files hold 0",
            f"metadata.yaml does not list {TOPIC} ({IMAGE}), of which the files hold 2 messages",
        ],
    )


@pytest.mark.parametrize("content", ["", "just: words", "rosbag2_bagfile_information:\n  version: [", "\x00"])
def test_metadata_that_cannot_be_read_is_named_and_the_files_are_read(tmp_path: Path, content: str) -> None:
    folder = recorded(tmp_path / "flight", [1, 2])
    (folder / "metadata.yaml").write_text(content)
    values, damages = read(folder)
    assert values == [1, 2]
    assert len(damages) == 1 and damages[0].startswith("metadata.yaml cannot be read (")


def test_a_file_that_the_metadata_does_not_list_is_read_and_named(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "flight", [1, 2])
    shutil.move(recorded(tmp_path / "more", [3]) / "more.mcap", folder)
    assert read(folder) == ([1, 2, 3], ["metadata.yaml does not list more.mcap, which is read too"])


@BOTH
def test_what_a_player_inflated_beside_the_packed_file_is_no_second_file(tmp_path: Path, plugin: StoragePlugin) -> None:
    folder = recorded(tmp_path / "flight", [1, 2], plugin, packed=True)
    (packed,) = folder.glob("*.zstd")
    packed.with_suffix("").write_bytes(zstd.decompress(packed.read_bytes()))
    assert read(folder) == ([1, 2], [])
    (folder / "metadata.yaml").unlink()
    assert read(folder) == ([1, 2], [])


def test_of_twins_the_whole_one_is_read(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "flight", [1, 2], packed=True)
    (packed,) = folder.glob("*.zstd")
    plain = zstd.decompress(packed.read_bytes())
    packed.with_suffix("").write_bytes(plain[: len(plain) // 2])
    assert read(folder) == ([1, 2], [])
    packed.with_suffix("").write_bytes(plain)
    packed.write_bytes(packed.read_bytes()[:20])
    assert read(folder) == ([1, 2], [])


@pytest.mark.parametrize("with_metadata", [True, False])
def test_a_copy_of_a_file_is_read_once(tmp_path: Path, with_metadata: bool) -> None:
    folder = recorded(tmp_path / "flight", [1, 2])
    shutil.copy(folder / "flight.mcap", folder / "flight (copy).mcap")
    if not with_metadata:
        (folder / "metadata.yaml").unlink()
    assert read(folder) == ([1, 2], [])


def test_files_are_read_in_the_order_of_time_whatever_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "flight"
    folder.mkdir()
    for name, values in (("a", [1, 4]), ("b", [2, 3, 5])):
        with BagWriter(folder / f"{name}.mcap") as bag:
            for value in values:
                bag.write_raw(TOPIC, IMAGE, image(value), value * 10**9)
    assert read(folder) == ([1, 2, 3, 4, 5], [])


def test_rows_come_in_the_order_of_time(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "flight", [1, 2, 3], StoragePlugin.SQLITE3)
    with closing(sqlite3.connect(folder / "flight.db3")) as database:
        database.execute("UPDATE messages SET timestamp = 9000000000 WHERE id = 1")
        database.commit()
    assert read(folder) == ([2, 3, 1], [])


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "UPDATE messages SET timestamp = 'noon' WHERE id = 2",
            "table messages: a timestamp is of",
        ),
        ("UPDATE messages SET timestamp = 1.5 WHERE id = 2", "table messages: a timestamp is of"),
        (
            "UPDATE messages SET data = NULL WHERE id = 2",
            "table messages: data is null, not bytes",
        ),
        (
            "UPDATE messages SET data = 7 WHERE id = 2",
            "table messages: data is integer, not bytes",
        ),
        (
            "UPDATE messages SET topic_id = 9 WHERE id = 2",
            "table messages: topic 9 is not declared",
        ),
    ],
)
def test_a_row_of_wrong_types_costs_itself(tmp_path: Path, statement: str, reason: str) -> None:
    folder = recorded(tmp_path / "flight", [1, 2, 3], StoragePlugin.SQLITE3)
    file = folder / "flight.db3"
    with closing(sqlite3.connect(file)) as database:
        tables = database.execute("SELECT sql FROM sqlite_master WHERE name = 'messages'").fetchone()[0]
        # Without the types and the NOT NULL that keep rosbag2's tables from it.
        database.execute("ALTER TABLE messages RENAME TO before")
        database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, topic_id, timestamp, data)")
        database.execute("INSERT INTO messages SELECT id, topic_id, timestamp, data FROM before")
        database.execute(statement)
        database.commit()
    assert "NOT NULL" in tables
    values, damages = read(folder)
    assert values == [1, 3]
    assert any(f"1 rows are left out: {reason}" in damage for damage in damages), damages


def mcap(**changes: object) -> Mcap:
    chunks = [[(1, value * 10**9, image(value)) for value in part] for part in ([1, 2], [3, 4])]
    whole: dict[str, object] = {
        "schemas": [(1, IMAGE, "ros2msg", b"")],
        "channels": [(1, 1, TOPIC, "cdr")],
        "chunks": chunks,
    }
    return Mcap(**(whole | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("index", [True, False])
def test_the_files_of_these_tests_are_whole(tmp_path: Path, index: bool) -> None:
    assert read(mcap().write(tmp_path / "a.mcap", index=index)) == ([1, 2, 3, 4], [])


@pytest.mark.parametrize("index", [True, False])
def test_names_of_two_parts_are_types_too(tmp_path: Path, index: bool) -> None:
    path = mcap(schemas=[(1, "sensor_msgs/Image", "ros2msg", b"")], profile="").write(tmp_path / "a.mcap", index=index)
    assert read(path) == ([1, 2, 3, 4], [])
    with BagReader(path) as bag:
        assert bag.topics[TOPIC].msgtype == IMAGE


@pytest.mark.parametrize("index", [True, False])
def test_a_topic_in_protobuf_beside_the_images_is_no_damage(tmp_path: Path, index: bool) -> None:
    schema = (2, "demo.State", "protobuf", b"\x0a\x8f\xff\xfe not a text")
    chunk = [(1, 10**9, image(1)), (2, 2 * 10**9, b"\x09" + bytes(8)), (1, 3 * 10**9, image(3))]
    bag = mcap(
        schemas=[(1, IMAGE, "ros2msg", b""), schema],
        channels=[(1, 1, TOPIC, "cdr"), (2, 2, "/state", "protobuf")],
        chunks=[chunk],
    )
    path = bag.write(tmp_path / "a.mcap", index=index)
    assert read(path) == ([1, 3], [])
    with BagReader(path) as reader:
        assert reader.topics["/state"].encoding == "protobuf"
        with pytest.raises(BagError, match=r"/state are encoded as 'protobuf', not as ROS 2's 'cdr'"):
            reader.deserialize(next(reader.messages(["/state"])))


def test_messages_of_ros_1_are_named_with_the_cure(tmp_path: Path) -> None:
    path = mcap(channels=[(1, 1, TOPIC, "ros1")]).write(tmp_path / "a.mcap")
    with BagReader(path) as bag, pytest.raises(BagError, match=r"encoded as 'ros1'.*rosbags-convert"):
        bag.deserialize(next(bag.messages([TOPIC])))


@pytest.mark.parametrize("checksums", [True, False])
def test_a_message_that_the_index_lists_and_the_chunk_lacks_is_named(tmp_path: Path, checksums: bool) -> None:
    values, damages = read(mcap(checksums=checksums).write(tmp_path / "a.mcap", drop=(0, 1)))
    # Without a checksum nobody knows what else is wrong with that chunk.
    assert values == ([1, 3, 4] if checksums else [3, 4])
    assert len(damages) == 1 and f"2 of {TOPIC}" in damages[0]


def test_a_chunk_that_the_index_does_not_list_is_read_all_the_same(tmp_path: Path) -> None:
    assert read(mcap(indexed=[1]).write(tmp_path / "a.mcap"))[0] == [1, 2, 3, 4]
    # And where the statistics agree with the index, nothing in the file says otherwise.
    assert read(mcap(indexed=[1], promised={1: 2}).write(tmp_path / "b.mcap"))[0] == [1, 2, 3, 4]


def test_a_chunk_that_is_listed_twice_is_read_once(tmp_path: Path) -> None:
    assert read(mcap(indexed=[0, 0, 1]).write(tmp_path / "a.mcap"))[0] == [1, 2, 3, 4]


def test_an_index_that_counts_nothing_is_not_believed(tmp_path: Path) -> None:
    path = mcap(counted=False).write(tmp_path / "a.mcap")
    assert read(path) == ([1, 2, 3, 4], [])
    with BagReader(path) as bag:
        assert bag.topics[TOPIC].count == 4


def test_statistics_that_promise_more_are_named(tmp_path: Path) -> None:
    values, damages = read(mcap(promised={1: 6}).write(tmp_path / "a.mcap"))
    assert values == [1, 2, 3, 4]
    assert damages == [f"a.mcap: its statistics count 6 messages of {TOPIC}, it holds 4"]


def test_messages_of_another_type_on_a_topic_are_left_out_and_named(tmp_path: Path) -> None:
    chunk = [(1, 10**9, image(1)), (2, 2 * 10**9, b"\x00\x01\x00\x00\x00\x00\x00\x00"), (1, 3 * 10**9, image(3))]
    bag = mcap(
        schemas=[(1, IMAGE, "ros2msg", b""), (2, "std_msgs/msg/String", "ros2msg", b"string data\n")],
        channels=[(1, 1, TOPIC, "cdr"), (2, 2, TOPIC, "cdr")],
        chunks=[chunk],
    )
    assert read(bag.write(tmp_path / "a.mcap")) == (
        [1, 3],
        [f"1 messages of {TOPIC} are std_msgs/msg/String, not {IMAGE}, and left out"],
    )


def test_a_time_before_1970_is_written_at_0_and_the_header_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    with BagWriter(path) as bag:
        for stamp in (-5 * 10**9, 10**9):
            bag.write(TOPIC, messages.image(np.zeros((2, 2, 3), np.uint8), stamp), stamp)
    with BagReader(path) as reader:
        found = [(m.stamp_ns, reader.deserialize(m).header.stamp.sec) for m in reader.messages()]
    assert found == [(0, -5), (10**9, 1)]


def test_a_stamp_beyond_the_last_second_is_kept_or_refused_by_name() -> None:
    late = messages.header(2**31 * 10**9, "cam").stamp
    assert (late.sec, late.nanosec) == (2**31 - 1, 10**9)
    with pytest.raises(BagError, match="does not fit into a message"):
        messages.header(2**33 * 10**9, "cam")


def test_a_chunk_is_unpacked_no_further_than_it_says(tmp_path: Path) -> None:
    """Some kilobytes that unpack to half a gigabyte: the chunk is left out, and the memory is not taken."""
    bomb = compress(bytes(1 << 24)) * 32
    chunk = struct.pack("<QQQI", 0, 1, 100, 0) + text("zstd") + struct.pack("<Q", len(bomb)) + bomb
    path = tmp_path / "a.mcap"
    path.write_bytes(MAGIC + record(1, text("ros2") + text("")) + record(6, chunk) + MAGIC)
    tracemalloc.start()
    with BagReader(path) as bag:
        damages = bag.damages
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert any("holds more than 100 bytes" in damage for damage in damages)
    assert peak < 1 << 24
