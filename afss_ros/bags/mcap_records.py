"""The records of an MCAP file, from its bytes. The file format is https://mcap.dev/spec."""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Iterator
from typing import Any

import lz4.frame  # type: ignore[import-untyped]

from afss_ros.bags import zstd

MAGIC = b"\x89MCAP0\r\n"
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x02, 0x03, 0x04, 0x05, 0x06
RECORD_HEAD = struct.Struct("<BQ")
"""Of every record: opcode, and size of what follows."""
MESSAGE_HEAD = struct.Struct("<HIQQ")
"""Of a message: channel, sequence, log time, publish time; the serialized message follows."""
CHUNK_HEAD = struct.Struct("<QQQI")
"""Of a chunk: first and last log time, size and CRC-32 (0: none) of its records; compression and records follow."""


class DamageError(Exception):
    """What is wrong with a record."""


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
    data = _decompress(payload[end + 8 : end + 8 + packed], compression, whole=whole)
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


def read_schema(payload: bytes | memoryview) -> tuple[int, str, str, str]:
    """A schema's id, name, encoding and text.

    Raises:
        DamageError: it is none.
    """
    try:
        (key,) = struct.unpack_from("<H", payload)
        name, end = _string(payload, 2)
        encoding, end = _string(payload, end)
        text, _ = _string(payload, end)
    except (struct.error, UnicodeDecodeError) as err:
        raise DamageError(f"a schema of it cannot be read ({err})") from err
    return key, name, encoding, text


def read_channel(payload: bytes | memoryview) -> tuple[int, int, str]:
    """A channel's id, its schema's id, and its topic.

    Raises:
        DamageError: it is none.
    """
    try:
        key, schema = struct.unpack_from("<HH", payload)
        topic, _ = _string(payload, 4)
    except (struct.error, UnicodeDecodeError) as err:
        raise DamageError(f"a channel of it cannot be read ({err})") from err
    return key, schema, topic


def _string(data: bytes | memoryview, start: int) -> tuple[str, int]:
    """A length and that many bytes of UTF-8; the text, and where it ends."""
    (size,) = struct.unpack_from("<I", data, start)
    end = start + 4 + size
    if end > len(data):
        raise struct.error(f"a text of {size} bytes does not fit")
    return bytes(data[start + 4 : end]).decode(), end


def _decompress(data: bytes | memoryview, compression: str, *, whole: bool) -> bytes:
    unpack: Any
    if not compression:
        return bytes(data)
    if compression == "zstd":
        unpack = zstd.decompress if whole else zstd.ZstdDecompressor().decompress
    elif compression == "lz4":
        unpack = lz4.frame.decompress if whole else lz4.frame.LZ4FrameDecompressor().decompress
    else:
        raise DamageError(f"its compression {compression!r} is unknown")
    try:
        return bytes(unpack(data))
    except (zstd.ZstdError, RuntimeError, EOFError) as err:
        raise DamageError(f"it does not decompress ({err})") from err
