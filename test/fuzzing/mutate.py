"""Bytes spoilt in the ways that find faults: bits, numbers, lengths, pieces; the same for the same seed."""

from __future__ import annotations

import struct
import zlib

import numpy as np

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
"""Where counters and sizes turn over."""
PNG = b"\x89PNG\r\n\x1a\n"


def spoilt(seed: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """A copy of `seed` with a few changes, some of them pieces of `other`."""
    content = bytearray(seed)
    for _ in range(int(random.choice((1, 1, 1, 2, 4, 16)))):
        change = _CHANGES[random.integers(len(_CHANGES))]
        content = change(content, other, random)
    if content.startswith(PNG) and random.random() < 0.7:
        return with_checksums(bytes(content))
    return bytes(content)


def with_checksums(png: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what is in them, so that what was spoilt is looked at."""
    content, at = bytearray(png), len(PNG)
    while at + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, at)
        end = at + 8 + size
        if end + 4 > len(content):
            break
        struct.pack_into(">I", content, end, zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return bytes(content)


def _flip(content: bytearray, other: bytes, random: np.random.Generator) -> bytearray:
    if content:
        content[random.integers(len(content))] ^= 1 << int(random.integers(8))
    return content


def _number(content: bytearray, other: bytes, random: np.random.Generator) -> bytearray:
    kind = str(random.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q")))
    size = struct.calcsize(kind)
    if len(content) >= size:
        value = NUMBERS[random.integers(len(NUMBERS))] & (256**size - 1)
        struct.pack_into(kind, content, int(random.integers(len(content) - size + 1)), value)
    return content


def _noise(content: bytearray, other: bytes, random: np.random.Generator) -> bytearray:
    start, end = _piece(len(content), random)
    content[start:end] = random.bytes(end - start)
    return content


def _cut(content: bytearray, other: bytes, random: np.random.Generator) -> bytearray:
    return content[: random.integers(len(content) + 1)]


def _drop(content: bytearray, other: bytes, random: np.random.Generator) -> bytearray:
    start, end = _piece(len(content), random)
    del content[start:end]
    return content


def _double(content: bytearray, other: bytes, random: np.random.Generator) -> bytearray:
    start, end = _piece(len(content), random)
    content[end:end] = content[start:end] * int(random.choice((1, 1, 3, 40)))
    return content


def _splice(content: bytearray, other: bytes, random: np.random.Generator) -> bytearray:
    start, end = _piece(len(other), random)
    at = int(random.integers(len(content) + 1))
    content[at : at + int(random.choice((0, end - start)))] = other[start:end]
    return content


_CHANGES = (_flip, _flip, _number, _number, _noise, _cut, _drop, _double, _splice)


def _piece(size: int, random: np.random.Generator) -> tuple[int, int]:
    start = int(random.integers(size + 1))
    return start, min(size, start + int(random.choice((1, 2, 4, 8, 64, 512))))
