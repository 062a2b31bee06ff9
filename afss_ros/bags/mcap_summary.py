"""The index at the end of an MCAP file: what the file should hold, and where."""

from __future__ import annotations

import os
import struct
from binascii import crc32
from dataclasses import dataclass, field
from struct import Struct
from typing import BinaryIO

from afss_ros.bags.mcap_records import (
    CHANNEL,
    CHUNK,
    CHUNK_INDEX,
    FOOTER,
    HEADER,
    MAGIC,
    MESSAGE,
    RECORD_HEAD,
    SCHEMA,
    STATISTICS,
    SUMMARY_OFFSET,
    Channel,
    DamageError,
    Schema,
    Statistics,
    read_channel,
    read_schema,
    read_statistics,
)

_FOOTER = Struct("<QQI")  # start of the index, start of the index's own index, CRC-32 of the index (0: none)
_FOOTER_SIZE = RECORD_HEAD.size + _FOOTER.size
_CHUNK_INDEX = Struct("<QQQQI")  # first and last log time, start and size of the chunk's record; bytes of the map
_MESSAGE_INDEX_HEAD = RECORD_HEAD.size + 6  # of a record of the messages' places: head, channel, bytes of the array
_ENTRY = 16


@dataclass(frozen=True, slots=True)
class ChunkIndex:
    """Where a chunk lies, and how many messages of which channel it should hold.

    Attributes:
        first_ns, last_ns: when the first and the last of them were recorded.
        start, size: of its record, in bytes.
        places: where in the file the places of a channel's messages are listed; empty when they are not.
        places_size: bytes of all those lists, which follow the chunk.
    """

    first_ns: int
    last_ns: int
    start: int
    size: int
    places: dict[int, int]
    places_size: int

    @property
    def end(self) -> int:
        """The byte after the chunk and its lists."""
        return self.start + self.size + self.places_size

    @property
    def counts(self) -> dict[int, int]:
        """Messages by channel, from the sizes of the lists."""
        starts = sorted((place, channel) for channel, place in self.places.items())
        ends = [place for place, _ in starts[1:]] + [self.end]
        sizes = {c: (end - place - _MESSAGE_INDEX_HEAD) // _ENTRY for (place, c), end in zip(starts, ends, strict=True)}
        return {channel: count for channel, count in sizes.items() if count}


@dataclass(slots=True)
class Summary:
    """What the index says."""

    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    chunks: list[ChunkIndex] = field(default_factory=list)
    statistics: Statistics | None = None

    @property
    def counts(self) -> dict[int, int]:
        """Messages by channel: those that the chunks list, or where they list none, the statistics'."""
        if not any(chunk.places for chunk in self.chunks):
            return self.statistics.of if self.statistics else {}
        total: dict[int, int] = {}
        for chunk in self.chunks:
            for channel, count in chunk.counts.items():
                total[channel] = total.get(channel, 0) + count
        return total


def read_summary(file: BinaryIO) -> Summary:
    """Read the index, and hold it against its checksum, against itself, and against what lies in the file.

    Raises:
        DamageError: there is none, or it does not tell all that the file holds; read the file from front to back.
    """
    size = file.seek(0, os.SEEK_END)
    if size < 2 * len(MAGIC) + _FOOTER_SIZE:
        raise DamageError("it has no index")
    end = file.seek(size - len(MAGIC) - _FOOTER_SIZE)
    tail = file.read()
    if tail[-len(MAGIC) :] != MAGIC or RECORD_HEAD.unpack_from(tail) != (FOOTER, _FOOTER.size):
        raise DamageError("it has no footer")
    start, _, crc = _FOOTER.unpack_from(tail, RECORD_HEAD.size)
    if not len(MAGIC) < start < end:
        raise DamageError("it has no index")
    file.seek(start)
    content = file.read(end - start)
    if crc and crc32(tail[: _FOOTER_SIZE - 4], crc32(content)) != crc:
        raise DamageError("the checksum of its index is wrong")
    summary = _parse(content)
    _check(summary)
    _check_coverage(file, summary, start)
    return summary


def stamps_of(file: BinaryIO, chunk: ChunkIndex, channel: int) -> list[int]:
    """When a chunk's messages of a channel were recorded; empty when the list is not where the index says."""
    if channel not in chunk.places:
        return []
    file.seek(chunk.places[channel])
    head = file.read(_MESSAGE_INDEX_HEAD)
    if len(head) < _MESSAGE_INDEX_HEAD:
        return []
    found, size = struct.unpack_from("<HI", head, RECORD_HEAD.size)
    entries = file.read(min(size, chunk.places_size)) if found == channel else b""
    return [stamp for stamp, _ in struct.iter_unpack("<QQ", entries[: len(entries) // _ENTRY * _ENTRY])]


def _parse(content: bytes) -> Summary:
    summary, at = Summary(), 0
    while at < len(content):
        if at + RECORD_HEAD.size > len(content):
            raise DamageError("its index is cut off")
        opcode, size = RECORD_HEAD.unpack_from(content, at)
        at += RECORD_HEAD.size
        record = content[at : at + size]
        if opcode == SUMMARY_OFFSET:
            break
        if len(record) < size:
            raise DamageError("its index is cut off")
        if opcode == SCHEMA:
            schema = read_schema(record)
            summary.schemas[schema.id] = schema
        elif opcode == CHANNEL:
            channel = read_channel(record)
            summary.channels[channel.id] = channel
        elif opcode == CHUNK_INDEX:
            summary.chunks.append(_read_chunk_index(record))
        elif opcode == STATISTICS:
            summary.statistics = read_statistics(record)
        at += size
    return summary


def _read_chunk_index(record: bytes) -> ChunkIndex:
    try:
        first, last, start, size, mapped = _CHUNK_INDEX.unpack_from(record)
        places = dict(struct.iter_unpack("<HQ", record[_CHUNK_INDEX.size : _CHUNK_INDEX.size + mapped]))
        (places_size,) = struct.unpack_from("<Q", record, _CHUNK_INDEX.size + mapped)
    except struct.error as err:
        raise DamageError(f"the place of a chunk cannot be read ({err})") from err
    return ChunkIndex(first, last, start, size, places, places_size)


def _check(summary: Summary) -> None:
    counts, statistics = summary.counts, summary.statistics
    if summary.chunks and statistics is None and not all(chunk.places for chunk in summary.chunks):
        raise DamageError("its index does not count the messages")
    if unknown := counts.keys() - summary.channels.keys():
        raise DamageError(f"its index does not declare the channels {sorted(unknown)}")
    if statistics is not None and statistics.messages != sum(counts.values()):
        raise DamageError(f"its statistics count {statistics.messages} messages, its chunks {sum(counts.values())}")


def _check_coverage(file: BinaryIO, summary: Summary, end: int) -> None:
    """Whether messages lie where no chunk of the index is."""
    at = len(MAGIC)
    for start, stop in [*sorted((chunk.start, chunk.end) for chunk in summary.chunks), (end, end)]:
        while at < start:
            file.seek(at)
            head = file.read(RECORD_HEAD.size)
            if len(head) < RECORD_HEAD.size:
                return  # cut: what the index promises and is not there is told when it is read
            opcode, size = RECORD_HEAD.unpack(head)
            if opcode in (CHUNK, MESSAGE):
                raise DamageError(f"its index does not list what lies at byte {at}")
            if opcode == HEADER and at != len(MAGIC):
                return
            at += RECORD_HEAD.size + size
        at = max(at, stop)
