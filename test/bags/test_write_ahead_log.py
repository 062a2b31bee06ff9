"""A sqlite3 bag whose recorder was killed while its newest messages lay in a write-ahead log."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from afss_ros.bags import BagReader, BagWriter, messages, typestore

TOPIC = "/camera/image"


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """Two messages in the file and a third in its log alone; without metadata, which a recorder writes at its end."""
    with BagWriter(tmp_path / "recorded", storage="sqlite3") as bag:
        for i in (1, 2):
            bag.write(TOPIC, messages.image(np.full((4, 4, 3), i, np.uint8), i), i)
    file = tmp_path / "recorded" / "recorded.db3"
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode = WAL")
    third = messages.image(np.full((4, 4, 3), 3, np.uint8), 3)
    cdr = bytes(typestore().serialize_cdr(third, third.__msgtype__))
    database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (1, 3, ?)", (cdr,))
    database.commit()
    folder = tmp_path / "killed"
    folder.mkdir()
    for name in ("recorded.db3", "recorded.db3-wal"):
        shutil.copy(file.with_name(name), folder / name)
    database.close()
    return folder


def first_pixels(path: Path) -> tuple[list[int], str | None]:
    with BagReader(path) as bag:
        return [int(bag.deserialize(m).data[0]) for m in bag.messages([TOPIC])], bag.damage


@pytest.mark.parametrize("name", ["", "recorded.db3"])
def test_messages_in_the_log_are_read_and_the_bag_is_not_changed(killed: Path, name: str) -> None:
    files = {path.name: path.read_bytes() for path in killed.iterdir()}
    assert first_pixels(killed / name) == ([1, 2, 3], None)
    assert {name: (killed / name).read_bytes() for name in files} == files
