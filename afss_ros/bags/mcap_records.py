"""The records of an MCAP file, from its bytes. The file format is https://mcap.dev/spec."""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Iterator
from typing import NamedTuple

import lz4.frame  # type: ignore[import-untyped]

from afss_ros.bags import zstd
from afss_ros.bags.storage import three_parts

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(0x01, 0x09)
LARGEST_CHUNK = 1 << 30
"""Bytes; recorders make chunks of some megabytes."""
STATISTICS, SUMMARY_OFFSET, DATA_END = 0x0B, 0x0E, 0x0F
RECORD_HEAD = struct.Struct("<BQ")
"""Of every record: opcode, and size of what follows."""
MESSAGE_HEAD = struct.Struct("<HIQQ")
"""Of a message: channel, sequence, log time, publish time; the serialized message follows."""
CHUNK_HEAD = struct.Struct("<QQQI")
"""Of a chunk: first and last log time, size and CRC-32 (0: none) of its records; compression and records follow."""


class DamageError(Exception):
    """What is wrong with a record."""


class Schema(NamedTuple):
    """What a channel's messages are: the type's name in three parts, and its definition in `encoding`."""

    id: int
    name: str
    encoding: str
    text: str


class Channel(NamedTuple):
    """One publisher's part of a topic."""

    id: int
    schema: int
    topic: str
    encoding: str


class Statistics(NamedTuple):
    """How many messages a file should hold, of all channels and of each."""

    messages: int
    of: dict[int, int]


def unpack_chunk(payload: bytes | memoryview, *, whole: bool = True) -> bytes:
    """The records in a chunk, decompressed and held against their checksum, where the recorder wrote one.

    Args:
        payload: the chunk record behind its head.
        whole: False for the front of a chunk that was cut off; then as much is returned as there is, unchecked.

    Raises:
        DamageError: they are not what was recorded.
    """
    try:
        _, _, size, crc = CHUNK_HEAD.unpack_from(payload)
        compression, end = _string(payload, CHUNK_HEAD.size)
        (packed,) = struct.unpack_from("<Q", payload, end)
    except (struct.error, UnicodeDecodeError) as err:
        raise DamageError(f"its head cannot be read ({err})") from err
    data = _decompress(payload[end + 8 : end + 8 + packed], compression, size, whole=whole)
    if whole and len(data) != size:
        raise DamageError(f"it should hold {size} bytes and holds {len(data)}")
    if whole and crc and crc32(data) != crc:
        raise DamageError("its checksum is wrong")
    return data


def has_checksum(payload: bytes | memoryview) -> bool:
    """Whether a chunk that was unpacked has one."""
    return bool(CHUNK_HEAD.unpack_from(payload)[3])


def records_of(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """The (opcode, payload) of the records in a chunk.

    Raises:
        DamageError: from here on these are no records.
    """
    view, start = memoryview(data), 0
    while start < len(data):
        if len(data) - start < RECORD_HEAD.size:
            raise DamageError(f"it is cut off after {start} bytes")
        opcode, size = RECORD_HEAD.unpack_from(data, start)
        end = start + RECORD_HEAD.size + size
        if opcode not in (SCHEMA, CHANNEL, MESSAGE) or (opcode == MESSAGE and size < MESSAGE_HEAD.size):
            raise DamageError(f"there is no record after {start} bytes of it")
        if end > len(data):
            raise DamageError(f"it is cut off after {start} bytes")
        yield opcode, view[start + RECORD_HEAD.size : end]
        start = end


def read_schema(payload: bytes | memoryview) -> Schema:
    """A schema. Its text is text in ROS alone: protobuf's and flatbuffers' are bytes, of which nothing is wanted here.

    Raises:
        DamageError: it is none.
    """
    try:
        (key,) = struct.unpack_from("<H", payload)
        name, end = _string(payload, 2)
        encoding, end = _string(payload, end)
        text, _ = _bytes(payload, end)
    except (struct.error, UnicodeDecodeError) as err:
        raise DamageError(f"a schema of it cannot be read ({err})") from err
    return Schema(key, three_parts(name), encoding, text.decode(errors="replace"))


def read_channel(payload: bytes | memoryview) -> Channel:
    """A channel.

    Raises:
        DamageError: it is none.
    """
    try:
        key, schema = struct.unpack_from("<HH", payload)
        topic, end = _string(payload, 4)
        encoding, _ = _string(payload, end)
    except (struct.error, UnicodeDecodeError) as err:
        raise DamageError(f"a channel of it cannot be read ({err})") from err
    return Channel(key, schema, topic, encoding)


def read_statistics(payload: bytes | memoryview) -> Statistics:
    """The counts of a file.

    Raises:
        DamageError: there are none.
    """
    try:
        (messages,) = struct.unpack_from("<Q", payload)
        counts, _ = _bytes(payload, 42)
        return Statistics(messages, dict(struct.iter_unpack("<HQ", counts)))
    except struct.error as err:
        raise DamageError(f"its statistics cannot be read ({err})") from err


def _bytes(data: bytes | memoryview, start: int) -> tuple[bytes, int]:
    """A length and that many bytes, and where they end."""
    (size,) = struct.unpack_from("<I", data, start)
    end = start + 4 + size
    if end > len(data):
        raise struct.error(f"{size} bytes do not fit")
    return bytes(data[start + 4 : end]), end


def _string(data: bytes | memoryview, start: int) -> tuple[str, int]:
    """A length and that many bytes of UTF-8; the text, and where it ends."""
    text, end = _bytes(data, start)
    return text.decode(), end


def _decompress(data: bytes | memoryview, compression: str, size: int, *, whole: bool) -> bytes:
    """The records of a chunk, `size` bytes of them: no more is unpacked than the chunk says, whatever it holds."""
    if not compression:
        return bytes(data)
    if size > LARGEST_CHUNK:
        raise DamageError(f"it says that it holds {size} bytes, more than the {LARGEST_CHUNK} that are believed")
    try:
        if compression == "zstd":
            return zstd.decompress_at_most(data, size, whole=whole)
        if compression == "lz4":
            unpack = lz4.frame.LZ4FrameDecompressor()
            unpacked = bytes(unpack.decompress(bytes(data), max_length=size + 1))
            if len(unpacked) > size:
                raise DamageError(f"it should hold {size} bytes and holds more")
            if whole and not unpack.eof:
                raise DamageError("it does not decompress (it is cut off)")
            return unpacked
    except (zstd.ZstdError, RuntimeError, EOFError) as err:
        raise DamageError(f"it does not decompress ({err})") from err
    raise DamageError(f"its compression {compression!r} is unknown")
