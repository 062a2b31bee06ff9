"""Read an MCAP file that has lost its end or its index: front to back, record by record, up to the damage.

A recording that was killed, a disk that filled up, a copy that stopped: the front of such a file is as good as ever.
The file format is https://mcap.dev/spec.
"""

from __future__ import annotations

import os
import struct
from binascii import crc32
from collections import Counter
from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import lz4.frame  # type: ignore[import-untyped]

from afss_ros.bags import zstd
from afss_ros.bags.errors import BagError
from afss_ros.bags.storage import BagMessage, Topic

MAGIC = b"\x89MCAP0\r\n"
_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK = 0x02, 0x03, 0x04, 0x05, 0x06
_CHUNK_HEAD = struct.Struct("<QQQI")
_MESSAGE_HEAD = struct.Struct("<HIQQ")


class _DamageError(Exception):
    """Where the readable part ends, and why."""


class SalvagedMcap:
    """One MCAP file, read in the order it was written. See `Storage`."""

    def __init__(self, path: Path) -> None:
        """Scan the file once for its topics.

        Raises:
            BagError: this is no MCAP file.
        """
        self._path = path
        self._file = path.open("rb")
        if self._file.read(len(MAGIC)) != MAGIC:
            self._file.close()
            raise BagError(f"{path} is not an MCAP file: it does not start with the MCAP magic bytes")
        self.topics: dict[str, Topic] = {}
        self.definitions: dict[str, str] = {}
        self.damage: str | None = None
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}
        counts: Counter[int] = Counter()
        stamps: list[int] = []
        for channel, stamp_ns, _ in self._scan():
            counts[channel] += 1
            stamps = [min([stamp_ns, *stamps]), max([stamp_ns, *stamps])]
        self.span_ns = (stamps[0], stamps[1]) if stamps else (0, 0)
        for channel, (topic, msgtype) in self._channels.items():
            before = self.topics[topic].count if topic in self.topics else 0
            self.topics[topic] = Topic(topic, msgtype, before + counts[channel])

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """See `Storage.messages`."""
        for channel, stamp_ns, cdr in self._scan():
            topic, msgtype = self._channels[channel]
            if topic in topics:
                yield BagMessage(topic, msgtype, stamp_ns, cdr)

    def close(self) -> None:
        """See `Storage.close`."""
        self._file.close()

    def _scan(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (channel, stamp_ns, message) and stop at the damage, which is then noted."""
        self._file.seek(len(MAGIC))
        try:
            yield from self._messages_of(self._file)
        except _DamageError as damage:
            self.damage = f"{self._path}: {damage}"
        except (struct.error, UnicodeDecodeError) as err:
            self.damage = f"{self._path}: has a record that cannot be read ({err})"

    def _messages_of(self, stream: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
        while (record := self._next_record(stream)) is not None:
            opcode, payload, cut = record
            if opcode == _CHUNK:
                yield from self._messages_of_chunk(payload, cut)
            if cut is not None:
                raise cut
            if opcode == _FOOTER:
                return
            if opcode == _SCHEMA:
                self._read_schema(BytesIO(payload))
            elif opcode == _CHANNEL:
                self._read_channel(BytesIO(payload))
            elif opcode == _MESSAGE and len(payload) >= _MESSAGE_HEAD.size:
                channel, _, stamp_ns, _ = _MESSAGE_HEAD.unpack_from(payload)
                if channel in self._channels:
                    yield channel, stamp_ns, payload[_MESSAGE_HEAD.size :]
        if stream is self._file:
            raise _DamageError("ends without a footer, so its recording was cut off")

    def _next_record(self, stream: BinaryIO) -> tuple[int, bytes, _DamageError | None] | None:
        """The next record as (opcode, payload, damage); None at the end of the stream."""
        start = stream.tell()
        head = stream.read(9)
        if not head:
            return None
        if len(head) < 9:
            raise _DamageError(f"cut off within the record at byte {start}")
        opcode, size = struct.unpack("<BQ", head)
        # A corrupt size would otherwise ask for more memory than there is.
        payload = stream.read(min(size, _left(stream)))
        cut = _DamageError(f"cut off within the record at byte {start}") if len(payload) < size else None
        return opcode, payload, cut

    def _messages_of_chunk(self, payload: bytes, cut: _DamageError | None) -> Iterator[tuple[int, int, bytes]]:
        try:
            _, _, size, crc = _CHUNK_HEAD.unpack_from(payload)
            head = BytesIO(payload)
            head.seek(_CHUNK_HEAD.size)
            compression = _read_string(head)
            head.seek(8, 1)
        except (struct.error, UnicodeDecodeError) as err:
            raise _DamageError(f"has a chunk that cannot be read ({err})") from err
        data = _decompress(head.read(), compression)
        if cut is None and (len(data) != size or (crc and crc32(data) != crc)):
            raise _DamageError("has a chunk whose checksum or size is wrong")
        yield from self._messages_of(BytesIO(data))

    def _read_schema(self, record: BytesIO) -> None:
        key = _read_uint16(record)
        name, encoding, text = _read_string(record), _read_string(record), _read_string(record)
        self._schemas[key] = name
        if encoding == "ros2msg":
            self.definitions[name] = text

    def _read_channel(self, record: BytesIO) -> None:
        key, schema = _read_uint16(record), _read_uint16(record)
        topic = _read_string(record)
        self._channels[key] = (topic, self._schemas.get(schema, ""))


def _left(stream: BinaryIO) -> int:
    """Bytes from here to the end."""
    here = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    return end - here


def _read_uint16(stream: BytesIO) -> int:
    return int.from_bytes(stream.read(2), "little")


def _read_string(stream: BytesIO) -> str:
    (size,) = struct.unpack("<I", stream.read(4))
    return stream.read(size).decode()


def _decompress(data: bytes, compression: str) -> bytes:
    """Decompress as much as there is; a stream that was cut gives its front."""
    front = data
    try:
        if compression == "zstd":
            front = zstd.ZstdDecompressor().decompress(data)
        elif compression == "lz4":
            front = lz4.frame.LZ4FrameDecompressor().decompress(data)
        elif compression:
            raise _DamageError(f"has a chunk of unknown compression {compression!r}")
    except (zstd.ZstdError, RuntimeError) as err:
        raise _DamageError(f"has a chunk that does not decompress ({err})") from err
    return front
