"""MCAP files to the byte, for tests that need one that no writer makes."""

from __future__ import annotations

import struct
from binascii import crc32
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"\x89MCAP0\r\n"


def text(content: str | bytes) -> bytes:
    """A string as MCAP holds it: size and bytes."""
    data = content.encode() if isinstance(content, str) else content
    return struct.pack("<I", len(data)) + data


def record(opcode: int, body: bytes) -> bytes:
    return struct.pack("<BQ", opcode, len(body)) + body


@dataclass
class Mcap:
    """What to write; each field may contradict the others.

    Attributes:
        schemas: (id, name, encoding, data).
        channels: (id, schema, topic, message encoding).
        chunks: of each chunk, (channel, log time, message) in its order.
        indexed: chunks that the index lists, by number; None for all.
        promised: channel -> count in the statistics; None for the truth.
        counted: whether there are statistics, and lists of the places of each chunk's messages.
        checksums: whether chunks have one.
    """

    schemas: Sequence[tuple[int, str, str, bytes]]
    channels: Sequence[tuple[int, int, str, str]]
    chunks: Sequence[Sequence[tuple[int, int, bytes]]]
    profile: str = "ros2"
    indexed: Sequence[int] | None = None
    promised: dict[int, int] | None = None
    checksums: bool = True
    counted: bool = True

    def write(self, path: Path, *, drop: tuple[int, int] | None = None, index: bool = True) -> Path:
        """Write the file; `drop`, a chunk and a message of it by number, is in every index and not in the chunk."""
        declared = b"".join(
            record(3, struct.pack("<H", key) + text(name) + text(encoding) + text(data))
            for key, name, encoding, data in self.schemas
        ) + b"".join(
            record(4, struct.pack("<HH", key, schema) + text(topic) + text(encoding) + struct.pack("<I", 0))
            for key, schema, topic, encoding in self.channels
        )
        out = MAGIC + record(1, text(self.profile) + text("test"))
        chunk_indexes = []
        for number, messages in enumerate(self.chunks):
            records = declared
            places: dict[int, list[tuple[int, int]]] = {}
            for place, (channel, stamp, data) in enumerate(messages):
                places.setdefault(channel, []).append((stamp, len(records)))
                if drop != (number, place):
                    records += record(5, struct.pack("<HIQQ", channel, place, stamp, stamp) + data)
            stamps = [stamp for _, stamp, _ in messages]
            first, last = min(stamps, default=0), max(stamps, default=0)
            crc = crc32(records) if self.checksums else 0
            start, head = len(out), struct.pack("<QQQI", first, last, len(records), crc)
            chunk = record(6, head + text("") + struct.pack("<Q", len(records)) + records)
            lists, offsets = b"", b""
            for channel, entries in places.items():
                offsets += struct.pack("<HQ", channel, start + len(chunk) + len(lists))
                array = b"".join(struct.pack("<QQ", *entry) for entry in entries)
                lists += record(7, struct.pack("<H", channel) + text(array))
            if not self.counted:
                lists = offsets = b""
            out += chunk + lists
            sizes = struct.pack("<Q", len(lists)) + text("") + struct.pack("<QQ", len(records), len(records))
            chunk_indexes.append(
                record(8, struct.pack("<QQQQ", first, last, start, len(chunk)) + text(offsets) + sizes)
            )
        out += record(15, struct.pack("<I", 0))
        if not index:
            path.write_bytes(out + record(2, struct.pack("<QQI", 0, 0, 0)) + MAGIC)
            return path
        listed = range(len(self.chunks)) if self.indexed is None else self.indexed
        summary = declared + b"".join(chunk_indexes[number] for number in listed)
        summary += self._statistics() if self.counted else b""
        footer = struct.pack("<QQ", len(out), 0)
        crc = crc32(summary + struct.pack("<BQ", 2, 20) + footer)
        path.write_bytes(out + summary + record(2, footer + struct.pack("<I", crc)) + MAGIC)
        return path

    def _statistics(self) -> bytes:
        stamps = [stamp for chunk in self.chunks for _, stamp, _ in chunk]
        counts = self.promised
        if counts is None:
            counts = dict(Counter(channel for chunk in self.chunks for channel, _, _ in chunk))
        head = (sum(counts.values()), len(self.schemas), len(self.channels), 0, 0, len(self.chunks))
        span = (min(stamps, default=0), max(stamps, default=0))
        by_channel = b"".join(struct.pack("<HQ", *count) for count in counts.items())
        return record(11, struct.pack("<QHIIIIQQ", *head, *span) + text(by_channel))
