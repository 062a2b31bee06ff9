"""Whatever happened to a bag, its reader gives an intact front or a BagError, and never another exception."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from afss_ros.bags import BagError, BagReader, BagWriter, messages, typestore

TOPIC = "/camera/image"
COUNT = 12


def picture(value: int) -> np.ndarray:
    """4 kB that compress to half, so that a cut may lie anywhere within a message."""
    pixels = np.random.default_rng(value).integers(0, 16, (36, 36, 3), np.uint8)
    pixels[0, 0] = value
    return pixels


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """An intact bag in every storage, as bytes."""
    folder = tmp_path_factory.mktemp("bags")
    content = {}
    forms = (("zstd.mcap", "mcap", True), ("plain.mcap", "mcap", False), ("a", "sqlite3", False))
    for name, storage, compress in forms:
        path = folder / name
        with BagWriter(path, storage=storage, compress=compress) as bag:
            for i in range(1, COUNT + 1):
                bag.write(TOPIC, messages.image(picture(i), i), i)
        content[name if path.is_file() else "a.db3"] = (path if path.is_file() else path / "a.db3").read_bytes()
    return content


def read(path: Path) -> tuple[list[int], bool]:
    """First pixels of the readable images, and whether the reader knows of damage."""
    try:
        with BagReader(path) as bag:
            topics = [TOPIC] if TOPIC in bag.topics else []
            values = [int(bag.deserialize(m).data[0]) for m in bag.messages(topics)]
            return values, bag.damage is not None
    except BagError:
        return [], True


@pytest.mark.parametrize("name", ["zstd.mcap", "plain.mcap", "a.db3"])
def test_a_bag_cut_anywhere_gives_its_front_and_says_so(tmp_path: Path, bags: dict[str, bytes], name: str) -> None:
    content = bags[name]
    path = tmp_path / name
    for cut in np.linspace(0, len(content) - 1, 60).astype(int).tolist():
        path.write_bytes(content[:cut])
        values, damaged = read(path)
        assert values == list(range(1, len(values) + 1)), f"cut at {cut} of {len(content)}"
        assert damaged or len(values) == COUNT, f"cut at {cut} of {len(content)}"


@pytest.mark.parametrize("name", ["zstd.mcap", "plain.mcap", "a.db3"])
def test_overwritten_bytes_raise_nothing_but_bag_errors(tmp_path: Path, bags: dict[str, bytes], name: str) -> None:
    random = np.random.default_rng(7)
    path = tmp_path / name
    for _ in range(60):
        content = bytearray(bags[name])
        start = int(random.integers(0, len(content) - 16))
        content[start : start + 16] = random.bytes(16)
        path.write_bytes(content)
        values, _ = read(path)
        assert len(values) <= COUNT


@pytest.mark.parametrize("with_metadata", [True, False])
def test_a_message_that_does_not_decompress_is_refused_and_the_others_are_read(
    tmp_path: Path, with_metadata: bool
) -> None:
    path = tmp_path / "packed"
    writer = Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3)
    writer.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", typestore=typestore())
        for i in range(1, 5):
            message = messages.image(picture(i), i)
            writer.write(connection, i, typestore().serialize_cdr(message, message.__msgtype__))
    with closing(sqlite3.connect(path / "packed.db3")) as database:
        database.execute("UPDATE messages SET data = substr(data, 1, length(data) / 2) WHERE id = 3")
        database.commit()
    if not with_metadata:
        (path / "metadata.yaml").unlink()
    with BagReader(path) as bag:
        found = list(bag.messages([TOPIC]))
        with pytest.raises(BagError, match=r"/camera/image holds at 3 ns does not decompress"):
            bag.deserialize(found.pop(2))
        assert [int(bag.deserialize(m).data[0]) for m in found] == [1, 2, 4]


def test_a_definition_that_cannot_be_read_costs_the_messages_of_its_type_alone(
    tmp_path: Path, bags: dict[str, bytes]
) -> None:
    path = tmp_path / "a.db3"
    path.write_bytes(bags["a.db3"])
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO topics SELECT 2, '/odd', 'odd/msg/Odd', 'cdr', '', ''")
        database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (2, 99, x'00010000')")
        database.execute(
            "INSERT INTO message_definitions (topic_type, encoding, encoded_message_definition, type_description_hash)"
            " VALUES ('odd/msg/Odd', 'ros2msg', 'int32 @@ = =', '')"
        )
        database.commit()
    assert read(path) == (list(range(1, COUNT + 1)), False)
    with BagReader(path) as bag, pytest.raises(BagError, match=r"does not define odd/msg/Odd of topic /odd"):
        bag.deserialize(next(bag.messages(["/odd"])))
