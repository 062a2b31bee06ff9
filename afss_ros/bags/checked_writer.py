"""Write MCAP with checksums, so that damage is noticed by whoever reads it: rosbags' writer leaves them out."""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Mapping
from struct import Struct
from typing import Any

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter

from afss_ros.bags.mcap_records import CHUNK_HEAD, MAGIC, RECORD_HEAD

_CRC = Struct("<I")
_INDEX_START = Struct("<Q")


class CheckedMcapWriter(McapWriter):
    """rosbags' writer, and the CRC-32 of each chunk and of the index."""

    def close_chunk(self) -> None:
        """Write the chunk at hand, then its checksum into the place for it."""
        crc = crc32(self.chunk.bio.getbuffer())
        start = self.bio.tell()
        super().close_chunk()
        self.bio.seek(start + RECORD_HEAD.size + CHUNK_HEAD.size - _CRC.size)
        self.bio.write(_CRC.pack(crc))
        self.bio.seek(0, os.SEEK_END)

    def close(self, version: int, metadata: str) -> None:
        """Write the index, then its checksum into the footer."""
        super().close(version, metadata)
        with self.path.open("r+b") as file:
            crc_at = file.seek(-len(MAGIC) - _CRC.size, os.SEEK_END)
            file.seek(crc_at - 2 * _INDEX_START.size)
            (start,) = _INDEX_START.unpack(file.read(_INDEX_START.size))
            file.seek(start)
            crc = crc32(file.read(crc_at - start))
            file.seek(crc_at)
            file.write(_CRC.pack(crc))


class CheckedWriter(Writer):
    """rosbags' writer, with `CheckedMcapWriter` for MCAP files."""

    STORAGE_PLUGINS: Mapping[StoragePlugin, type[Any]] = {
        **Writer.STORAGE_PLUGINS,
        StoragePlugin.MCAP: CheckedMcapWriter,
    }
