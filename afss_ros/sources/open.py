"""Find out what a path holds, and open it."""

from __future__ import annotations

from pathlib import Path

from afss_ros.bags.declared import METADATA
from afss_ros.bags.first_bytes import MCAP, SQLITE, first_bytes, foreign
from afss_ros.bags.parts import is_bag_file
from afss_ros.sources.bag import BagImages
from afss_ros.sources.pictures import SUFFIXES, Pictures, is_picture
from afss_ros.sources.source import Source, SourceError
from afss_ros.sources.video import VIDEO_SUFFIXES, Video, is_video


def open_source(path: Path | str, *, topic: str | None = None, grey_bits: int = 16) -> Source:
    """Open a folder of pictures, a picture, a video, or a rosbag2 bag (directory, .mcap or .db3, zstd or not).

    Args:
        path: what to read.
        topic: the image topic of a bag; needed only when it is not clear.
        grey_bits: of a mono16 pixel in a bag, how many the camera uses, the lowest ones; 8 to 16.

    Raises:
        SourceError: nothing there, not of these kinds, or a topic is asked of what is no bag.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"no source at {path}; give a folder of pictures, a video, or a rosbag2 bag")
    try:
        kind = _kind(path)
    except OSError as err:
        raise SourceError(f"cannot read {path}: {err}") from err
    if kind == "bag":
        return BagImages(path, topic, grey_bits)
    if topic is not None:
        raise SourceError(f"{path} is no bag, so it has no topic {topic}")
    return Pictures(path) if kind == "pictures" else Video(path)


def _kind(path: Path) -> str:
    """ "bag", "pictures" or "video": by what a folder holds, and by a file's first bytes before its name.

    Raises:
        SourceError: none of them.
        OSError: it cannot be read, or is a pipe or a device.
    """
    if path.is_dir():
        is_bag = (path / METADATA).exists() or any(is_bag_file(p) for p in path.iterdir())
        return "bag" if is_bag else "pictures"
    head = first_bytes(path)
    if head.startswith((MCAP, SQLITE)) or is_bag_file(path):
        return "bag"
    if reason := foreign(head):
        raise SourceError(f"{path} {reason}")
    suffix = path.suffix.lower()
    if suffix in SUFFIXES or (is_picture(head) and suffix not in VIDEO_SUFFIXES):
        return "pictures"
    if not is_video(head) and suffix not in VIDEO_SUFFIXES:
        shown = head[:8].hex(" ") or "nothing: it is empty"
        raise SourceError(
            f"{path} is not a video that is known, nor a picture or a bag: it starts with {shown}; give a folder of"
            " pictures, a video or a rosbag2 bag"
        )
    return "video"
