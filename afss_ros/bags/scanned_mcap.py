"""Read an MCAP file without its index: front to back, record by record, as far as there are records.

Some have none (rosbag2's `fastwrite` preset), some have lost it, some have one that does not tell all. A recording that
was killed, a disk that filled up, a copy that stopped: the front of such a file is as good as ever.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Iterator
from pathlib import Path

from afss_ros.bags.errors import BagError
from afss_ros.bags.mcap_records import (
    CHANNEL,
    CHUNK,
    FOOTER,
    MAGIC,
    MESSAGE,
    MESSAGE_HEAD,
    RECORD_HEAD,
    SCHEMA,
    STATISTICS,
    Channel,
    DamageError,
    Statistics,
    read_channel,
    read_schema,
    read_statistics,
    records_of,
    unpack_chunk,
)
from afss_ros.bags.storage import BagMessage, Topic, merged

_LARGEST_OPCODE = 0x0F  # of the format; from 0x80 on they are free for private use


class ScannedMcap:
    """One MCAP file, read in the order it was written. See `Storage`.

    A chunk whose checksum is wrong is left out; of one that has none, or was cut off, the front is read.
    """

    def __init__(self, path: Path) -> None:
        """Scan the file once for its topics.

        Raises:
            BagError: this is no MCAP file.
        """
        self._path = path
        self._file = path.open("rb")
        self._size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        if self._file.read(len(MAGIC)) != MAGIC:
            self._file.close()
            raise BagError(f"{path.name} is not an MCAP file: it does not start with the MCAP magic bytes")
        self.topics: dict[str, Topic] = {}
        self.definitions: dict[str, str] = {}
        self._damages: dict[int, str] = {}
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, Channel] = {}
        self._types: dict[int, str] = {}
        self._statistics: Statistics | None = None
        self._stamps: dict[int, array[int]] = {}
        for key, stamp_ns, _ in self._messages():
            self._stamps.setdefault(key, array("Q")).append(stamp_ns)
        ends = [end for stamps in self._stamps.values() for end in (min(stamps), max(stamps))]
        self.span_ns = (min(ends), max(ends)) if ends else (0, 0)
        for key, channel in self._channels.items():
            topic = Topic(channel.topic, self._types[key], len(self._stamps.get(key, ())), channel.encoding)
            self.topics[channel.topic] = merged(self.topics.get(channel.topic), topic)
        for key in self._stamps.keys() - self._channels.keys():
            count = len(self._stamps[key])
            self._damages[-1 - key] = f"{count} messages are of channel {key}, whose declaration is lost"
        self._hold_against_statistics()

    @property
    def damages(self) -> list[str]:
        """See `Storage.damages`."""
        return [f"{self._path.name}: {self._damages[start]}" for start in sorted(self._damages)]

    def stamps_ns(self, topic: str) -> list[int]:
        """See `Storage.stamps_ns`."""
        return [s for key, c in self._channels.items() if c.topic == topic for s in self._stamps.get(key, ())]

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """See `Storage.messages`; in the order of the file."""
        for key, stamp_ns, cdr in self._messages():
            channel = self._channels.get(key)
            if channel is not None and channel.topic in topics:
                yield BagMessage(channel.topic, self._types[key], stamp_ns, bytes(cdr), channel.encoding)

    def close(self) -> None:
        """See `Storage.close`."""
        self._file.close()

    def _messages(self) -> Iterator[tuple[int, int, memoryview]]:
        """Yield (channel, stamp_ns, message) from front to back; what is damaged is noted by the place in the file."""
        start = len(MAGIC)
        while start < self._size:
            self._file.seek(start)
            head = self._file.read(RECORD_HEAD.size)
            opcode, size = RECORD_HEAD.unpack(head) if len(head) == RECORD_HEAD.size else (MESSAGE, self._size)
            if opcode == 0 or _LARGEST_OPCODE < opcode < 0x80:
                self._damages[start] = f"there is no record at byte {start}, and nothing was read from there on"
                return
            end = start + RECORD_HEAD.size + size
            whole = end <= self._size
            if opcode == CHUNK:
                yield from self._messages_of_chunk(start, self._file.read(min(size, self._size)), whole=whole)
            if not whole:
                self._damages[start] = f"is cut off at byte {self._size}, within the record that begins at byte {start}"
                return
            if opcode == FOOTER:
                return
            if opcode in (SCHEMA, CHANNEL, MESSAGE, STATISTICS):
                try:
                    yield from self._read(opcode, memoryview(self._file.read(size)))
                except DamageError as err:
                    self._damages[start] = f"the record at byte {start} is damaged: {err}"
            start = end
        self._damages[start] = "ends without a footer, so its recording was cut off"

    def _messages_of_chunk(self, start: int, payload: bytes, *, whole: bool) -> Iterator[tuple[int, int, memoryview]]:
        try:
            for opcode, record in records_of(unpack_chunk(payload, whole=whole)):
                yield from self._read(opcode, record)
        except DamageError as err:
            self._damages[start] = f"the chunk at byte {start} is damaged: {err}"

    def _read(self, opcode: int, record: memoryview) -> Iterator[tuple[int, int, memoryview]]:
        """Remember a schema or a channel, yield a message.

        The index repeats schemas and channels: there they replace those of a chunk that was left out, and no others.
        """
        if opcode == SCHEMA:
            schema = read_schema(record)
            self._schemas.setdefault(schema.id, schema.name)
            if schema.encoding == "ros2msg":
                self.definitions.setdefault(schema.name, schema.text)
        elif opcode == CHANNEL:
            channel = read_channel(record)
            if channel.id not in self._channels:
                self._channels[channel.id] = channel
                self._types[channel.id] = self._schemas.get(channel.schema, "")
        elif opcode == STATISTICS:
            self._statistics = read_statistics(record)
        elif len(record) < MESSAGE_HEAD.size:
            raise DamageError("it is too short for a message")
        else:
            key, _, stamp_ns, _ = MESSAGE_HEAD.unpack_from(record)
            yield key, stamp_ns, record[MESSAGE_HEAD.size :]

    def _hold_against_statistics(self) -> None:
        """What is missing of what the file itself counts, where no damage explains it."""
        if self._statistics is None or self._damages:
            return
        for key, promised in self._statistics.of.items():
            found = len(self._stamps.get(key, ()))
            if found != promised:
                name = self._channels[key].topic if key in self._channels else f"channel {key}"
                self._damages[self._size + key] = (
                    f"its statistics count {promised} messages of {name}, it holds {found}"
                )
