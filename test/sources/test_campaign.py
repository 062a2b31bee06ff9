"""Mutations of good recordings: what was read and what was named is what was there, and nothing else is raised."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import copy, copytree

import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.bags import BagWriter, messages
from afss_ros.camera import CameraInfo
from afss_ros.images import encode_compressed
from afss_ros.perception import Frame
from afss_ros.sources import SourceError, Unreadable, open_source

COUNT = 8
SECOND = 10**9


def picture(number: int) -> NDArray[np.uint8]:
    """Grey of brightness 20 n, with noise that does not compress away."""
    noise = np.random.default_rng(number).integers(0, 8, (48, 64, 3))
    return (20 * number + noise).astype(np.uint8)


def number_of(image: NDArray[np.uint8]) -> int:
    return round((float(image.mean()) - 3.5) / 20)


def write_parts(folder: Path, storage: str) -> Path:
    """A bag of two files with metadata: images 1 to 4 and 5 to 8, compressed, each with its CameraInfo."""
    made = folder / "flight"
    with BagWriter(made, storage=storage) as bag:
        for number in range(1, COUNT + 1):
            stamp = number * SECOND
            info = CameraInfo.pinhole(64, 48, 1.0)
            bag.write("/cam/camera_info", messages.camera_info(info, stamp, "cam"), stamp)
            data = encode_compressed(picture(number), "png")
            bag.write("/cam/image/compressed", messages.compressed_image(data, "png", stamp, "cam"), stamp)
    return made


def write_pictures(folder: Path) -> Path:
    made = folder / "pictures"
    made.mkdir()
    for number in range(1, COUNT + 1):
        form = "png" if number % 2 else "jpeg"
        (made / f"{number}.{form}").write_bytes(encode_compressed(picture(number), form, 95))
    return made


def read(path: Path) -> tuple[list[int], list[Unreadable]]:
    """The numbers of the pictures that were read, and what was named."""
    frames, named = [], []
    try:
        with open_source(path) as source:
            for item in source:
                if isinstance(item, Frame):
                    frames.append(number_of(item.image))
                else:
                    named.append(item)
    except SourceError as err:
        named.append(Unreadable(str(path), str(err)))
    return frames, named


Mutation = Callable[[bytearray, np.random.Generator], None]


def cut(content: bytearray, random: np.random.Generator) -> None:
    del content[int(random.integers(1, len(content))) :]


def blank(content: bytearray, random: np.random.Generator) -> None:
    start, size = int(random.integers(0, len(content))), int(random.choice([16, 400, 4000]))
    content[start : start + size] = bytes(len(content[start : start + size]))


def remove(content: bytearray, random: np.random.Generator) -> None:
    start = int(random.integers(0, len(content)))
    del content[start : start + int(random.choice([1, 16, 400]))]


def double(content: bytearray, random: np.random.Generator) -> None:
    start, size = int(random.integers(0, len(content))), int(random.choice([16, 400]))
    content[start:start] = content[start : start + size]


def foreign(content: bytearray, random: np.random.Generator) -> None:
    content[:] = [b"#ROSBAG V2.0\n" + bytes(4000), b"", b"words", bytes(5000)][int(random.integers(4))]


MUTATIONS: tuple[Mutation, ...] = (cut, blank, remove, double, foreign)


def mutated(path: Path, mutation: Mutation, seed: int) -> None:
    content = bytearray(path.read_bytes())
    mutation(content, np.random.default_rng(seed))
    path.write_bytes(content)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("good")
    made = {"pictures": write_pictures(folder)}
    for storage in ("mcap", "sqlite3"):
        (folder / storage).mkdir()
        made[storage] = write_parts(folder / storage, storage)
    return made


@pytest.mark.parametrize("name", ["mcap", "sqlite3", "pictures"])
def test_the_recordings_of_the_campaign_are_whole(good: dict[str, Path], name: str) -> None:
    assert read(good[name]) == (list(range(1, COUNT + 1)), [])


def of_all(seeds: int) -> Iterator[tuple[Mutation, int]]:
    return ((mutation, seed) for mutation in MUTATIONS for seed in range(seeds))


@pytest.mark.parametrize("with_metadata", [True, False])
def test_a_bag_whose_file_is_changed_loses_nothing_in_silence(
    good: dict[str, Path], tmp_path: Path, with_metadata: bool
) -> None:
    for mutation, seed in of_all(8):
        where = f"{mutation.__name__} {seed}"
        path = copytree(good["mcap"], tmp_path / where)
        mutated(path / "flight.mcap", mutation, seed)
        if not with_metadata:
            (path / "metadata.yaml").unlink()
        frames, named = read(path)
        assert frames == sorted(set(frames)) and set(frames) <= set(range(1, COUNT + 1)), where
        assert named or len(frames) == COUNT, where


def test_a_sqlite_bag_whose_file_is_cut_or_foreign_loses_nothing_in_silence(
    good: dict[str, Path], tmp_path: Path
) -> None:
    # Bytes within a message have no checksum in this format; PNG has one of its own.
    for mutation, seed in of_all(6):
        where = f"{mutation.__name__} {seed}"
        path = copytree(good["sqlite3"], tmp_path / where)
        mutated(path / "flight.db3", mutation, seed)
        frames, named = read(path)
        assert set(frames) <= set(range(1, COUNT + 1)), where
        assert named or frames == list(range(1, COUNT + 1)), where


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM messages WHERE id = 6", COUNT - 1),
        ("INSERT INTO messages SELECT 99, topic_id, timestamp, data FROM messages WHERE id = 6", COUNT + 1),
        ("UPDATE messages SET topic_id = 77 WHERE id = 6", COUNT - 1),
        ("UPDATE messages SET topic_id = 1 WHERE id = 6", COUNT - 1),
        ("UPDATE topics SET name = '/renamed' WHERE name LIKE '%compressed'", COUNT),
        ("UPDATE topics SET type = 'sensor_msgs/msg/Image' WHERE name LIKE '%compressed'", 0),
        ("UPDATE topics SET type = 'std_msgs/msg/String' WHERE name LIKE '%compressed'", 0),
        ("DELETE FROM topics WHERE name LIKE '%compressed'", 0),
        ("UPDATE messages SET data = substr(data, 1, 40) WHERE id = 6", COUNT - 1),
        ("UPDATE messages SET data = x'' WHERE id = 6", COUNT - 1),
        ("DROP TABLE messages", 0),
    ],
)
def test_a_sqlite_bag_whose_records_are_changed_says_what_is_other_than_promised(
    good: dict[str, Path], tmp_path: Path, statement: str, expected: int
) -> None:
    path = copytree(good["sqlite3"], tmp_path / "changed")
    with closing(sqlite3.connect(path / "flight.db3")) as database:
        database.execute(statement)
        database.commit()
    frames, named = read(path)
    assert len(frames) == expected
    assert named, "metadata.yaml promises something else"


def test_a_picture_that_is_changed_is_read_or_named_and_the_others_are_read(
    good: dict[str, Path], tmp_path: Path
) -> None:
    for mutation, seed in of_all(12):
        where = f"{mutation.__name__} {seed}"
        path = copytree(good["pictures"], tmp_path / where)
        victim = path / ("3.png" if seed % 2 else "4.jpeg")
        before = victim.read_bytes()
        mutated(victim, mutation, seed)
        frames, named = read(path)
        assert [n for n in frames if n not in (3, 4)] == [1, 2, 5, 6, 7, 8], where
        assert len(frames) + len(named) == COUNT, where
        if victim.suffix == ".png" and victim.read_bytes()[: len(before)] != before:
            assert [other.name for other in named] == [str(victim)], where


def test_pictures_that_are_doubled_renamed_or_moved_are_all_accounted_for(
    good: dict[str, Path], tmp_path: Path
) -> None:
    path = copytree(good["pictures"], tmp_path / "changed")
    copy(path / "3.png", path / "3 (copy).png")
    (path / "5.png").rename(path / "5.jpg")
    (path / "6.jpeg").rename(path / "6.png")
    frames, named = read(path)
    assert (sorted(frames), named) == ([1, 2, 3, 3, 4, 5, 6, 7, 8], [])
    (path / "deeper").mkdir()
    (path / "7.png").rename(path / "deeper" / "7.png")
    (path / "8.jpeg").unlink()
    (path / "8.jpeg").symlink_to(path / "nowhere.jpeg")
    frames, named = read(path)
    assert sorted(frames) == [1, 2, 3, 3, 4, 5, 6]
    assert [other.name for other in named] == [str(path / "8.jpeg")]
