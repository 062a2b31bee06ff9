"""Find out what a path holds, and open it."""

from __future__ import annotations

from pathlib import Path

from afss_ros.sources.bag import BagImages
from afss_ros.sources.pictures import SUFFIXES, Pictures
from afss_ros.sources.source import Source, SourceError
from afss_ros.sources.video import Video

_BAG_SUFFIXES = (".mcap", ".db3")


def open_source(path: Path | str, *, topic: str | None = None) -> Source:
    """Open a folder of pictures, a picture, a video, or a rosbag2 bag (directory, .mcap or .db3, zstd or not).

    Args:
        path: what to read.
        topic: the image topic of a bag; needed only when it is not clear.

    Raises:
        SourceError: nothing there, not of these kinds, or a topic is asked of what is no bag.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"no source at {path}; give a folder of pictures, a video, or a rosbag2 bag")
    if _is_bag(path):
        return BagImages(path, topic)
    if topic is not None:
        raise SourceError(f"{path} is no bag, so it has no topic {topic}")
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return Pictures(path)
    return Video(path)


def _is_bag(path: Path) -> bool:
    if path.is_dir():
        return (path / "metadata.yaml").exists() or any(_is_bag_file(p) for p in path.iterdir())
    return _is_bag_file(path)


def _is_bag_file(path: Path) -> bool:
    suffixes = path.suffixes
    return path.suffix in _BAG_SUFFIXES or (
        path.suffix == ".zstd" and suffixes[-2:-1] != [] and suffixes[-2] in _BAG_SUFFIXES
    )
