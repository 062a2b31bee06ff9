"""zstd of the standard library (Python 3.14), or its backport, which rosbags brings."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZstdDecompressor = zstd.ZstdDecompressor
ZstdError = zstd.ZstdError
decompress = zstd.decompress
open_zstd = zstd.open

__all__ = ["ZstdDecompressor", "ZstdError", "decompress", "decompress_at_most", "open_zstd"]


def decompress_at_most(data: bytes | memoryview, limit: int, *, whole: bool = True) -> bytes:
    """Decompress frames that hold no more than `limit` bytes: a few kilobytes may hold gigabytes.

    Args:
        whole: False for the front of what was cut off; then as much is returned as there is.

    Raises:
        ZstdError: they hold more, are no frames, or are cut off.
    """
    unpacked, rest = bytearray(), bytes(data)
    while rest:
        frame = ZstdDecompressor()
        unpacked += frame.decompress(rest, max_length=limit - len(unpacked) + 1)
        if len(unpacked) > limit:
            raise ZstdError(f"it holds more than {limit} bytes")
        if not frame.eof:
            if whole:
                raise ZstdError("it is cut off")
            break
        rest = frame.unused_data
    return bytes(unpacked)
