"""Read an MCAP file through its index, in the order of time; what is damaged in it is left out and named."""

from __future__ import annotations

import heapq
import os
from binascii import crc32
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from struct import Struct
from typing import Any

from rosbags.interfaces import Connection
from rosbags.interfaces.typing import RPath
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.rosbag2.reader import DirectoryReader
from rosbags.rosbag2.storage_mcap import ChunkInfo, McapReader

from afss_ros.bags.mcap_records import (
    CHUNK,
    MAGIC,
    MESSAGE,
    MESSAGE_HEAD,
    RECORD_HEAD,
    DamageError,
    has_checksum,
    records_of,
    unpack_chunk,
)

_FOOTER = Struct("<QQI")  # start of the index, start of the index's own index, CRC-32 of the index (0: none)


class IndexedMcap(McapReader):
    """rosbags' reader of the index, and our own of the chunks: rosbags gives up the file at the first damaged one.

    A chunk is checked when it is read: against its checksum, which rosbag2 and this package write; where there is none
    (rosbags writes none), against what the index says that it holds, and a byte changed within a message passes.
    """

    def __init__(self, path: RPath) -> None:
        super().__init__(path)
        self._name = Path(str(path)).name
        self._damages: dict[int, str] = {}

    @property
    def damages(self) -> list[str]:
        """The damaged chunks that were met, in the order of the file."""
        return [
            f"{self._name}: the chunk at byte {start} is damaged: {reason}"
            for start, reason in sorted(self._damages.items())
        ]

    def open(self) -> None:
        """Read the index.

        Raises:
            ReaderError: there is none, or its checksum is wrong.
        """
        super().open()
        if not self._index_is_whole():
            self.close()
            raise ReaderError(f"{self.path}: the checksum of its index is wrong")

    def messages(
        self, connections: Collection[Connection], start: int | None = None, stop: int | None = None
    ) -> Generator[tuple[Connection, int, bytes], None, None]:
        """The messages of all whole chunks; see `McapReader.messages`. Times are of no use to us and are ignored."""
        wanted = {c.id: c for c in connections}
        # Each begins with when it begins, so that no chunk is read before its time has come.
        chunks = [c for c in self.chunks if not c.channel_count or wanted.keys() & c.channel_count]
        messages = (self._messages_of(chunk, wanted) for chunk in chunks)
        for stamp_ns, connection, cdr in heapq.merge(*messages, key=itemgetter(0)):
            if connection is not None:
                yield connection, stamp_ns, cdr

    def _messages_of(
        self, chunk: ChunkInfo, wanted: dict[int, Connection]
    ) -> Iterator[tuple[int, Connection | None, bytes]]:
        yield chunk.message_start_time, None, b""
        found: list[tuple[int, Connection, bytes]] = []
        counts: Counter[int] = Counter()
        try:
            content = self._payload(chunk)
            for opcode, payload in records_of(unpack_chunk(content)):
                if opcode != MESSAGE:
                    continue
                channel, _, stamp_ns, _ = MESSAGE_HEAD.unpack_from(payload)
                counts[channel] += 1
                if channel in wanted:
                    found.append((stamp_ns, wanted[channel], bytes(payload[MESSAGE_HEAD.size :])))
            if not has_checksum(content) and chunk.channel_count and counts != chunk.channel_count:
                raise DamageError("it does not hold the messages that the index says")
        except DamageError as err:
            self._damages[chunk.chunk_start_offset] = f"{err}; {self._loss(chunk)}"
            return
        yield from sorted(found, key=itemgetter(0))

    def _payload(self, chunk: ChunkInfo) -> memoryview:
        assert self.bio is not None
        if chunk.chunk_start_offset + chunk.chunk_length > self.bio.seek(0, os.SEEK_END):
            raise DamageError("it lies beyond the end of the file")
        self.bio.seek(chunk.chunk_start_offset)
        record = self.bio.read(chunk.chunk_length)
        if len(record) < RECORD_HEAD.size or RECORD_HEAD.unpack_from(record) != (CHUNK, len(record) - RECORD_HEAD.size):
            raise DamageError("there is no chunk where the index says")
        return memoryview(record)[RECORD_HEAD.size :]

    def _loss(self, chunk: ChunkInfo) -> str:
        topics = {c.id: c.topic for c in self.connections}
        counts = [f"{n} of {topics.get(channel, '?')}" for channel, n in sorted(chunk.channel_count.items())]
        return f"its messages are left out ({', '.join(counts) or 'how many, the index does not say'})"

    def _index_is_whole(self) -> bool:
        assert self.bio is not None
        end = self.bio.seek(-_FOOTER.size - len(MAGIC), os.SEEK_END)
        start, _, crc = _FOOTER.unpack(self.bio.read(_FOOTER.size))
        if not crc:
            return True
        start = start or end - RECORD_HEAD.size
        self.bio.seek(start)
        return bool(crc32(self.bio.read(end + _FOOTER.size - 4 - start)) == crc)


class _DirectoryReader(DirectoryReader):
    STORAGE_PLUGINS: Mapping[str, type[Any]] = {**DirectoryReader.STORAGE_PLUGINS, "mcap": IndexedMcap}

    def open(self) -> None:
        """Open the bag; messages that rosbag2 compressed one by one are left so, or a broken one would end the bag."""
        super().open()
        if self.metadata.compression_mode == "message":
            self.metadata = self.metadata._replace(compression_mode=None)


class CheckedReader(Reader):
    """rosbags' reader, with `IndexedMcap` for MCAP files."""

    STORAGE_PLUGINS: Mapping[str, type[Any]] = {**Reader.STORAGE_PLUGINS, "dir": _DirectoryReader, ".mcap": IndexedMcap}

    @property
    def mcaps(self) -> list[IndexedMcap]:
        """The bag's MCAP files."""
        storages = getattr(self.storage, "storages", [self.storage])
        return [s for s in storages if isinstance(s, IndexedMcap)]
