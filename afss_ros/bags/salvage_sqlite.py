"""Read a sqlite3 bag file that is cut off or corrupt: in the order it was written, up to the damage.

Or one whose recorder was killed while it kept a write-ahead log (rosbag2's `resilient` preset): the newest messages
are in that log alone, until somebody opens the file for writing.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from afss_ros.bags.errors import BagError
from afss_ros.bags.storage import BagMessage, Topic


class SalvagedSqlite:
    """One .db3 file. See `Storage`."""

    def __init__(self, path: Path) -> None:
        """Scan the file once for its topics.

        Raises:
            BagError: not even the list of topics can be read.
        """
        self._path = path
        self.topics: dict[str, Topic] = {}
        self.definitions: dict[str, str] = {}
        self._damage = ""
        # immutable: no lock, no journal, so that a bag on read-only media opens; but SQLite then ignores a log too.
        # Any thread may read, one at a time.
        uri = f"{path.resolve().as_uri()}?{'mode=ro' if has_log(path) else 'immutable=1'}"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        try:
            # SQLite refuses a file shorter than its header says, unless it may assume that its user knows.
            self._database.execute("PRAGMA writable_schema = ON")
            rows = self._database.execute("SELECT id, name, type FROM topics").fetchall()
        except sqlite3.Error as err:
            self._database.close()
            raise BagError(f"{path.name} is not a sqlite3 bag that can be read: {err}") from err
        self._names: dict[int, tuple[str, str]] = {key: (name, msgtype) for key, name, msgtype in rows}
        counts: Counter[int] = Counter()
        stamps: list[int] = []
        for key, stamp_ns, _ in self._rows("topic_id, timestamp, NULL"):
            counts[key] += 1
            stamps = [min([stamp_ns, *stamps]), max([stamp_ns, *stamps])]
        self.span_ns = (stamps[0], stamps[1]) if stamps else (0, 0)
        for key, (name, msgtype) in self._names.items():
            self.topics[name] = Topic(name, msgtype, counts[key])
        self._read_definitions()

    @property
    def damages(self) -> list[str]:
        """See `Storage.damages`."""
        return [self._damage] if self._damage else []

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """See `Storage.messages`."""
        for key, stamp_ns, cdr in self._rows("topic_id, timestamp, data"):
            topic, msgtype = self._names.get(key, ("", ""))
            if topic in topics:
                yield BagMessage(topic, msgtype, stamp_ns, cdr)

    def close(self) -> None:
        """See `Storage.close`."""
        self._database.close()

    def _rows(self, columns: str) -> Iterator[tuple[int, int, bytes]]:
        read = 0
        try:
            # By id, not by stamp: the index may be what is broken.
            for row in self._database.execute(f"SELECT {columns} FROM messages ORDER BY id"):
                yield row
                read += 1
        except sqlite3.Error as err:
            self._damage = f"{self._path.name}: {err}, after message {read}"

    def _read_definitions(self) -> None:
        query = "SELECT topic_type, encoded_message_definition FROM message_definitions WHERE encoding = 'ros2msg'"
        try:
            self.definitions.update(self._database.execute(query).fetchall())
        except sqlite3.Error:
            # Bags before ROS 2 Iron have no such table: our own typestore then names the types.
            self.definitions.clear()


def has_log(path: Path) -> bool:
    """Whether a write-ahead log with messages in it lies beside a .db3 file."""
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0
