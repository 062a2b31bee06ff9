"""A chunk that is not what was recorded is left out and named, and everything else is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from afss_ros.bags import BagError, BagReader, BagWriter, messages, typestore

TOPIC = "/camera/image"
IMAGE = "sensor_msgs/msg/Image"
COUNT = 40
ALL = list(range(1, COUNT + 1))


def noise(value: int) -> np.ndarray:
    """90 kB, twelve of them a chunk; zstd stores noise as it is and unchecked."""
    pixels = np.random.default_rng(value).integers(0, 256, (173, 173, 3), np.uint8)
    pixels[0, 0] = value
    return pixels


def write(path: Path, values: list[int], *, compress: bool = True) -> Path:
    with BagWriter(path, compress=compress) as bag:
        for i in values:
            bag.write(TOPIC, messages.image(noise(i), i), i)
    return path


def without_checksums(path: Path) -> Path:
    """As rosbags itself writes."""
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(TOPIC, IMAGE, typestore=typestore())
        for i in ALL:
            writer.write(connection, i, typestore().serialize_cdr(messages.image(noise(i), i), IMAGE))
    return path / f"{path.name}.mcap"


def overwrite(path: Path, start: int, count: int) -> None:
    content = bytearray(path.read_bytes())
    content[start : start + count] = bytes(count)
    path.write_bytes(content)


def read(path: Path) -> tuple[list[int], list[str]]:
    with BagReader(path) as bag:
        return [int(bag.deserialize(m).data[0]) for m in bag.messages([TOPIC])], bag.damages


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("with_index", [True, False])
def test_a_damaged_chunk_is_left_out_and_all_others_are_read(tmp_path: Path, compress: bool, with_index: bool) -> None:
    path = write(tmp_path / "flight.mcap", ALL, compress=compress)
    size = path.stat().st_size
    overwrite(path, size // 2, 2000)
    if not with_index:
        path.write_bytes(path.read_bytes()[:-20])
    values, damages = read(path)
    lost = sorted(set(ALL) - set(values))
    assert values == [i for i in ALL if i not in lost]
    assert 1 < len(lost) < 15 and lost == list(range(lost[0], lost[-1] + 1)), "one chunk of four"
    assert damages[0].startswith("flight.mcap: the chunk at byte ") and "its checksum is wrong" in damages[0]
    assert 0 < int(damages[0].split("at byte ")[1].split()[0]) < size // 2, "an offset in the file, not in the chunk"
    assert len(damages) == (1 if with_index else 2), "and, where it is cut, its end"
    if with_index:
        assert f"({len(lost)} of {TOPIC})" in damages[0]


def test_two_damaged_chunks_are_two_damages_and_reading_again_finds_no_more(tmp_path: Path) -> None:
    path = write(tmp_path / "flight.mcap", ALL)
    for part in (1, 3):
        overwrite(path, path.stat().st_size * part // 4, 2000)
    with BagReader(path) as bag:
        for _ in range(2):
            assert 0 < len(list(bag.messages([TOPIC]))) < COUNT
            assert len(bag.damages) == 2


def test_a_damaged_index_costs_no_message(tmp_path: Path) -> None:
    path = write(tmp_path / "flight.mcap", ALL)
    content = path.read_bytes()
    overwrite(path, content.rfind(TOPIC.encode()), 4)  # the topic's name as the index has it
    assert read(path) == (ALL, [])


def test_a_chunk_whose_records_are_destroyed_is_named_even_without_checksums(tmp_path: Path) -> None:
    path = without_checksums(tmp_path / "flight")
    content = path.read_bytes()
    place = content.find(noise(20)[1:5].tobytes())  # within the twentieth picture; its record ends 90 kB later
    assert place > 0
    overwrite(path, place, 120_000)
    values, damages = read(path)
    assert 20 not in values and 21 not in values and {1, COUNT} < set(values)
    assert len(damages) == 1 and "the chunk at byte" in damages[0]


@pytest.mark.parametrize("with_metadata", [True, False])
def test_a_lost_file_of_a_split_bag_is_named_and_the_others_are_read(tmp_path: Path, with_metadata: bool) -> None:
    folder = tmp_path / "flight"
    folder.mkdir()
    for part, values in enumerate([[1, 2], [3, 4], [5, 6]]):
        write(folder / f"flight_{part}.mcap", values)
    if with_metadata:
        files = "".join(f"  - flight_{part}.mcap\n" for part in range(4))
        (folder / "metadata.yaml").write_text(f"rosbag2_bagfile_information:\n  relative_file_paths:\n{files}")
    (folder / "flight_1.mcap").write_text("not a bag at all")
    values, damages = read(folder)
    assert values == [1, 2, 5, 6]
    assert "flight_1.mcap is not an MCAP file" in damages[-1]
    assert [d for d in damages if "flight_3.mcap is not there" in d] == damages[:-1]
    assert len(damages) == (2 if with_metadata else 1)


def test_a_damaged_file_of_a_split_bag_is_the_only_one_that_loses_messages(tmp_path: Path) -> None:
    folder = tmp_path / "flight"
    folder.mkdir()
    for part in range(3):
        write(folder / f"flight_{part}.mcap", [10 * part + i for i in range(1, 5)])
    overwrite(folder / "flight_1.mcap", 100_000, 2000)
    values, damages = read(folder)
    assert values == [1, 2, 3, 4, 21, 22, 23, 24]
    assert len(damages) == 1 and damages[0].startswith("flight_1.mcap: ")


def test_whatever_bytes_are_changed_nothing_is_read_that_was_not_recorded_and_no_loss_is_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "flight.mcap", ALL)
    content = path.read_bytes()
    with BagReader(path) as bag:
        recorded = {message.stamp_ns: message.cdr for message in bag.messages()}
    random = np.random.default_rng(7)
    for size in (1, 16, 2000):
        for place in (
            *random.integers(0, len(content) - size, 8),
            *random.integers(len(content) - 4000, len(content), 8),
        ):
            changed = bytearray(content)
            changed[place : place + size] = random.bytes(min(size, len(content) - int(place)))
            path.write_bytes(changed)
            try:
                with BagReader(path) as bag:
                    found = {message.stamp_ns: message.cdr for message in bag.messages()}
                    damages = bag.damages
            except BagError:
                continue
            assert found.items() <= recorded.items(), f"{size} bytes at {place}"
            assert damages or found == recorded, f"{size} bytes at {place}"
