"""What a file is, by its first bytes: a suffix is only what somebody called it."""

from __future__ import annotations

import stat
from pathlib import Path

MCAP = b"\x89MCAP"
SQLITE = b"SQLite format 3\x00"
ZSTD = b"\x28\xb5\x2f\xfd"
"""How a zstd frame starts (RFC 8878); CDR starts with a zero byte, so a compressed message is told from a plain one."""

_COUNT = 512
_UNPACK = "unpack it and give what was in it"
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"#ROSBAG", "a ROS 1 bag", "convert it: rosbags-convert --src FILE.bag --dst FOLDER"),
    (b"\x1f\x8b", "a gzip file", _UNPACK),
    (b"BZh", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz file", _UNPACK),
    (b"\x04\x22\x4d\x18", "an lz4 file", _UNPACK),
    (b"PK\x03\x04", "a zip archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a rar archive", _UNPACK),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "write its images as pictures or as a rosbag2 bag"),
    (b"\x93NUMPY", "a NumPy array", "write its images as pictures"),
    (b"ULog\x01\x12\x35", "a PX4 log", "give the recording of the camera"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture", "give the recording of the camera"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture", "give the recording of the camera"),
    (b"SIMPLE  =", "a FITS file", "write its images as pictures"),
    (b"PAR1", "a Parquet file", "write its images as pictures"),
    (b"%PDF", "a PDF file", "give the pictures in it"),
    (b"\x7fELF", "a program", "give a folder of pictures, a video or a rosbag2 bag"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch it: git lfs pull"),
)


def first_bytes(path: Path) -> bytes:
    """The first 512 bytes, or what there is of them.

    Raises:
        OSError: it cannot be read, or is no regular file: a pipe or a device would be waited for.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"{path} is not a regular file")
    with path.open("rb") as file:
        return file.read(_COUNT)


def foreign(head: bytes) -> str:
    """What a file that is no bag, picture or video is, with the cure; empty when its first bytes say nothing of it.

    >>> foreign(b"#ROSBAG V2.0")
    'is a ROS 1 bag: convert it: rosbags-convert --src FILE.bag --dst FOLDER'
    """
    for magic, what, cure in _FOREIGN:
        if head.startswith(magic):
            return f"is {what}: {cure}"
    if head[257:262] == b"ustar":
        return f"is a tar archive: {_UNPACK}"
    return ""
