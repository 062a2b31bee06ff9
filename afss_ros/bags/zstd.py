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

__all__ = ["ZstdDecompressor", "ZstdError", "decompress", "open_zstd"]
