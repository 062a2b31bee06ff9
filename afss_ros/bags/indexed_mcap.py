"""Read an MCAP file through its index, in the order of time; what is damaged in it is left out and named."""

from __future__ import annotations

import heapq
import os
from collections import Counter
from collections.abc import Collection, Iterator
from operator import itemgetter
from pathlib import Path

from afss_ros.bags.errors import BagError
from afss_ros.bags.mcap_records import (
    CHUNK,
    MESSAGE,
    MESSAGE_HEAD,
    RECORD_HEAD,
    Channel,
    DamageError,
    has_checksum,
    records_of,
    unpack_chunk,
)
from afss_ros.bags.mcap_summary import ChunkIndex, read_summary, stamps_of
from afss_ros.bags.storage import BagMessage, Topic, merged


class IndexedMcap:
    """One MCAP file whose index tells all that it holds. See `Storage`.

    A chunk is checked when it is read: against its checksum, which rosbag2 and this package write, and against what
    the index says that it holds. Without a checksum (rosbags writes none) a byte changed within a message passes.
    """

    def __init__(self, path: Path) -> None:
        """Read the index.

        Raises:
            BagError: there is none, or it does not tell all.
        """
        self._path = path
        self._file = path.open("rb")
        try:
            self._summary = read_summary(self._file)
        except DamageError as err:
            self._file.close()
            raise BagError(f"{path.name}: {err}") from err
        self._damages: dict[int, str] = {}
        chunks, schemas = self._summary.chunks, self._summary.schemas
        self.span_ns = (min(c.first_ns for c in chunks), max(c.last_ns for c in chunks)) if chunks else (0, 0)
        counts = self._summary.counts
        self._types = {c.id: schemas[c.schema].name if c.schema in schemas else "" for c in self._channels}
        self.topics: dict[str, Topic] = {}
        for channel in self._channels:
            topic = Topic(channel.topic, self._types[channel.id], counts.get(channel.id, 0), channel.encoding)
            self.topics[channel.topic] = merged(self.topics.get(channel.topic), topic)
        self.definitions = {s.name: s.text for s in schemas.values() if s.encoding == "ros2msg"}

    @property
    def damages(self) -> list[str]:
        """The damaged chunks that were met, in the order of the file. See `Storage.damages`."""
        return [
            f"{self._path.name}: the chunk at byte {start} is damaged: {reason}"
            for start, reason in sorted(self._damages.items())
        ]

    def stamps_ns(self, topic: str) -> list[int]:
        """See `Storage.stamps_ns`."""
        channels = [c.id for c in self._channels if c.topic == topic]
        return [s for chunk in self._summary.chunks for c in channels for s in stamps_of(self._file, chunk, c)]

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """See `Storage.messages`."""
        wanted = {c.id: c for c in self._channels if c.topic in topics}
        # Each begins with when it begins, so that no chunk is read before its time has come.
        chunks = [c for c in self._summary.chunks if not c.places or wanted.keys() & c.places.keys()]
        messages = (self._messages_of(chunk, wanted) for chunk in chunks)
        for stamp_ns, channel, cdr in heapq.merge(*messages, key=itemgetter(0)):
            if channel is not None:
                yield BagMessage(channel.topic, self._types[channel.id], stamp_ns, cdr, channel.encoding)

    def close(self) -> None:
        """See `Storage.close`."""
        self._file.close()

    @property
    def _channels(self) -> Collection[Channel]:
        return self._summary.channels.values()

    def _messages_of(
        self, chunk: ChunkIndex, wanted: dict[int, Channel]
    ) -> Iterator[tuple[int, Channel | None, bytes]]:
        yield chunk.first_ns, None, b""
        found: list[tuple[int, Channel, bytes]] = []
        counts: Counter[int] = Counter()
        promised = chunk.counts
        try:
            content = self._payload(chunk)
            for opcode, payload in records_of(unpack_chunk(content)):
                if opcode != MESSAGE:
                    continue
                channel, _, stamp_ns, _ = MESSAGE_HEAD.unpack_from(payload)
                counts[channel] += 1
                if channel in wanted:
                    found.append((stamp_ns, wanted[channel], bytes(payload[MESSAGE_HEAD.size :])))
            if promised and counts != promised:
                self._note_difference(chunk, counts, is_whole=has_checksum(content))
        except DamageError as err:
            self._damages[chunk.start] = f"{err}; its messages are left out ({self._named(promised)})"
            return
        yield from sorted(found, key=itemgetter(0))

    def _payload(self, chunk: ChunkIndex) -> memoryview:
        if chunk.start + chunk.size > self._file.seek(0, os.SEEK_END):
            raise DamageError("it lies beyond the end of the file")
        self._file.seek(chunk.start)
        record = self._file.read(chunk.size)
        if len(record) < RECORD_HEAD.size or RECORD_HEAD.unpack_from(record) != (CHUNK, len(record) - RECORD_HEAD.size):
            raise DamageError("there is no chunk where the index says")
        return memoryview(record)[RECORD_HEAD.size :]

    def _note_difference(self, chunk: ChunkIndex, counts: Counter[int], *, is_whole: bool) -> None:
        if not is_whole:
            raise DamageError("it does not hold the messages that the index says")
        held = self._named(counts) if counts else "nothing"
        self._damages[chunk.start] = f"the index says that it holds {self._named(chunk.counts)}, and it holds {held}"

    def _named(self, counts: dict[int, int]) -> str:
        topics = {c.id: c.topic for c in self._channels}
        named = [f"{n} of {topics.get(channel, '?')}" for channel, n in sorted(counts.items())]
        return ", ".join(named) or "how many, the index does not say"
