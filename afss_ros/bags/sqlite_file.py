"""Read a sqlite3 file of a bag, whole or not: row by row, up to where SQLite finds it broken.

Or one whose recorder was killed while it kept a write-ahead log (rosbag2's `resilient` preset): the newest messages
are in that log alone, until somebody opens the file for writing.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.bags.errors import BagError
from afss_ros.bags.storage import CDR, BagMessage, Topic, merged, three_parts


class SqliteFile:
    """One .db3 file. See `Storage`. SQLite gives whatever type a row holds, so each is looked at before it is taken."""

    def __init__(self, path: Path) -> None:
        """Scan the file once: for its topics, and for the place and time of each message.

        Raises:
            BagError: not even the list of topics can be read.
        """
        self._path = path
        self.topics: dict[str, Topic] = {}
        self.definitions: dict[str, str] = {}
        self._failure = ""
        self._unusable: Counter[str] = Counter()
        self._unread: dict[int, str] = {}
        # immutable: no lock, no journal, so that a bag on read-only media opens; but SQLite then ignores a log too.
        # Any thread may read, one at a time.
        uri = f"{path.resolve().as_uri()}?{'mode=ro' if has_log(path) else 'immutable=1'}"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._database.text_factory = lambda text: text.decode(errors="replace")
        try:
            # SQLite refuses a file shorter than its header says, unless it may assume that its user knows.
            self._database.execute("PRAGMA writable_schema = ON")
            self._names = self._read_topics()
        except sqlite3.Error as err:
            self._database.close()
            raise BagError(f"{path.name} is not a sqlite3 bag that can be read: {err}") from err
        self._rows, self._stamps, self._keys = array("q"), array("q"), array("q")
        self._scan()
        # By time, as SQLite's own index would give them; that index may be what is broken.
        self._order = np.argsort(np.asarray(self._stamps), kind="stable")
        self.span_ns = (min(self._stamps), max(self._stamps)) if self._stamps else (0, 0)
        counts = Counter(self._keys)
        for key, topic in self._names.items():
            counted = Topic(topic.name, topic.msgtype, counts[key], topic.encoding)
            self.topics[topic.name] = merged(self.topics.get(topic.name), counted)
        self._read_definitions()

    @property
    def damages(self) -> list[str]:
        """See `Storage.damages`."""
        rows = [f"{count} rows are left out: {reason}" for reason, count in self._unusable.items()]
        if self._unread:
            first = min(self._unread)
            lost = f"{len(self._unread)} rows cannot be read, the first is row {first}: {self._unread[first]}"
            rows.append(f"{self._failure}; {lost}" if self._failure else lost)
        elif self._failure:
            rows.append(self._failure)
        return [f"{self._path.name}: {what}" for what in rows]

    def stamps_ns(self, topic: str) -> list[int]:
        """See `Storage.stamps_ns`."""
        keys = {key for key, known in self._names.items() if known.name == topic}
        return [stamp for key, stamp in zip(self._keys, self._stamps, strict=True) if key in keys]

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """See `Storage.messages`."""
        wanted = {key: topic for key, topic in self._names.items() if topic.name in topics}
        for place in self._order.tolist():
            topic = wanted.get(self._keys[place])
            if topic is None:
                continue
            row = self._rows[place]
            try:
                (data,) = self._database.execute("SELECT data FROM messages WHERE rowid = ?", (row,)).fetchone()
            except (sqlite3.Error, TypeError) as err:  # TypeError: there is no such row any more
                self._unread[row] = str(err)
                continue
            yield BagMessage(topic.name, topic.msgtype, self._stamps[place], data, topic.encoding)

    def close(self) -> None:
        """See `Storage.close`."""
        self._database.close()

    def _read_topics(self) -> dict[int, Topic]:
        columns = {row[1] for row in self._database.execute("PRAGMA table_info(topics)")}
        encoding = "serialization_format" if "serialization_format" in columns else f"'{CDR}'"
        known: dict[int, Topic] = {}
        for key, name, msgtype, form in self._database.execute(f"SELECT id, name, type, {encoding} FROM topics"):
            if isinstance(key, int) and isinstance(name, str) and isinstance(msgtype, str):
                known[key] = Topic(name, three_parts(msgtype), 0, str(form))
            else:
                self._unusable[f"table topics: {name!r} is no topic with a name and a type"] += 1
        return known

    def _scan(self) -> None:
        query = "SELECT rowid, topic_id, timestamp, typeof(data) FROM messages ORDER BY rowid"
        try:
            for row, key, stamp_ns, kind in self._database.execute(query):
                if reason := self._what_is_wrong(key, stamp_ns, kind):
                    self._unusable[f"table messages: {reason}"] += 1
                    continue
                self._rows.append(row)
                self._keys.append(key)
                self._stamps.append(stamp_ns)
        except sqlite3.Error as err:
            self._failure = f"{err}, after message {len(self._rows)}"

    def _what_is_wrong(self, key: Any, stamp_ns: Any, kind: str) -> str:
        if not isinstance(key, int) or key not in self._names:
            return f"topic {key!r} is not declared"
        if not isinstance(stamp_ns, int):
            return f"a timestamp is of type {type(stamp_ns).__name__}, not a number of nanoseconds"
        return "" if kind == "blob" else f"data is {kind}, not bytes"

    def _read_definitions(self) -> None:
        query = "SELECT topic_type, encoded_message_definition FROM message_definitions WHERE encoding = 'ros2msg'"
        try:
            rows = self._database.execute(query).fetchall()
        except sqlite3.Error:
            return  # bags before ROS 2 Iron have no such table: our own typestore then names the types
        self.definitions.update({n: text for n, text in rows if isinstance(n, str) and isinstance(text, str)})


def has_log(path: Path) -> bool:
    """Whether a write-ahead log with messages in it lies beside a .db3 file."""
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0
