"""Read an MCAP file that has lost its end or its index: front to back, record by record, as far as there are records.

A recording that was killed, a disk that filled up, a copy that stopped: the front of such a file is as good as ever.
"""

from __future__ import annotations

import os
from collections import Counter
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
    DamageError,
    read_channel,
    read_schema,
    records_of,
    unpack_chunk,
)
from afss_ros.bags.storage import BagMessage, Topic

_LARGEST_OPCODE = 0x0F  # of the format; from 0x80 on they are free for private use


class SalvagedMcap:
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
        self._channels: dict[int, tuple[str, str]] = {}
        counts: Counter[int] = Counter()
        stamps: list[int] = []
        for channel, stamp_ns, _ in self._messages():
            counts[channel] += 1
            stamps = [min([stamp_ns, *stamps]), max([stamp_ns, *stamps])]
        self.span_ns = (stamps[0], stamps[1]) if stamps else (0, 0)
        for channel, (topic, msgtype) in self._channels.items():
            before = self.topics[topic].count if topic in self.topics else 0
            self.topics[topic] = Topic(topic, msgtype, before + counts[channel])
        for channel in counts.keys() - self._channels.keys():
            self._damages[-channel] = f"{counts[channel]} messages are of a channel whose declaration is lost"

    @property
    def damages(self) -> list[str]:
        """See `Storage.damages`."""
        return [f"{self._path.name}: {self._damages[start]}" for start in sorted(self._damages)]

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """See `Storage.messages`."""
        for channel, stamp_ns, cdr in self._messages():
            topic, msgtype = self._channels.get(channel, ("", ""))
            if topic in topics:
                yield BagMessage(topic, msgtype, stamp_ns, bytes(cdr))

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
            if opcode in (SCHEMA, CHANNEL, MESSAGE):
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
            key, name, encoding, text = read_schema(record)
            self._schemas.setdefault(key, name)
            if encoding == "ros2msg":
                self.definitions.setdefault(name, text)
        elif opcode == CHANNEL:
            key, schema, topic = read_channel(record)
            self._channels.setdefault(key, (topic, self._schemas.get(schema, "")))
        elif len(record) < MESSAGE_HEAD.size:
            raise DamageError("it is too short for a message")
        else:
            channel, _, stamp_ns, _ = MESSAGE_HEAD.unpack_from(record)
            yield channel, stamp_ns, record[MESSAGE_HEAD.size :]
