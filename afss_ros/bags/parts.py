"""The files of a bag: which there are, which of them are one file twice, and what of them is lost."""

from __future__ import annotations

import filecmp
import logging
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from afss_ros.bags import zstd
from afss_ros.bags.declared import Declared, read_declared
from afss_ros.bags.errors import BagError
from afss_ros.bags.first_bytes import MCAP, SQLITE, ZSTD, first_bytes, foreign
from afss_ros.bags.indexed_mcap import IndexedMcap
from afss_ros.bags.scanned_mcap import ScannedMcap
from afss_ros.bags.sqlite_file import SqliteFile
from afss_ros.bags.storage import Storage, Topic, merged

_log = logging.getLogger(__name__)
_SUFFIXES = (".mcap", ".db3")
_PACKED = (".zstd", ".zst")
_BLOCK = 1 << 22
_KEEP_FREE = 1 << 28
"""Bytes that stay free where a compressed file is unpacked."""


class Parts:
    """The files of a bag, each read as far as it goes.

    Attributes:
        storages: of the files of which anything can be read, in order.
        lost: what is wrong with the others, and with what the metadata says of them; one entry for each.
    """

    def __init__(self, path: Path) -> None:
        """Open what can be opened of the folder or file at `path`; it may be nothing."""
        self.storages: list[Storage] = []
        self.lost: list[str] = []
        self._unpacked: list[TemporaryDirectory[str]] = []
        self._is_folder = path.is_dir()
        if not self._is_folder:
            self._open([path])
            return
        declared = read_declared(path)
        if declared is not None:
            self._name_files(path, declared)
        for twins in _files(path, declared.files if declared is not None else ()):
            self._open(twins)
        is_known = self.lost or any(storage.damages for storage in self.storages)
        if declared is not None and self.storages and not is_known:
            self.lost += declared.differences(self.topics)

    @property
    def topics(self) -> dict[str, Topic]:
        """The topics of all files by name."""
        found: dict[str, Topic] = {}
        for storage in self.storages:
            for name, topic in storage.topics.items():
                found[name] = merged(found.get(name), topic)
        return found

    def close(self) -> None:
        """Release the files, and remove what was unpacked."""
        for storage in self.storages:
            storage.close()
        for directory in self._unpacked:
            directory.cleanup()

    def _name_files(self, path: Path, declared: Declared) -> None:
        if declared.fault:
            self.lost.append(declared.fault)
        there = {_plain_name(file.name): file.name for file in path.iterdir() if is_bag_file(file)}
        for name in dict.fromkeys(declared.files):
            if _plain_name(name) not in there and not (path / name).exists():
                self.lost.append(f"a file of it is lost: {name} is not there")
        if declared.files:
            listed = {_plain_name(name) for name in declared.files}
            self.lost += [
                f"metadata.yaml does not list {name}, which is read too"
                for plain, name in sorted(there.items())
                if plain not in listed and not _is_copy(path / name, [path / other for other in declared.files])
            ]

    def _open(self, twins: list[Path]) -> None:
        """Open one file, or of several that are one file twice the first that is whole, or else the first."""
        kept: tuple[Storage, str] | None = None
        reasons: list[str] = []
        for file in twins:
            try:
                storage, cut = self._open_file(file)
            except (BagError, OSError) as err:
                reasons.append(f"a file of it is lost: {err}" if self._is_folder else str(err))
                continue
            if kept is not None and (cut or storage.damages):
                storage.close()
                continue
            if kept is not None:
                kept[0].close()
            kept = storage, cut
            if not cut and not storage.damages:
                break
        if kept is None:
            self.lost += reasons
            return
        if len(twins) > 1:
            _log.info("%s are one file and read once", " and ".join(file.name for file in twins))
        self.storages.append(kept[0])
        if kept[1] and not kept[0].damages:
            self.lost.append(f"{twins[0].name}: is not whole: {kept[1]}")

    def _open_file(self, file: Path) -> tuple[Storage, str]:
        """One file by its first bytes, and why it is not whole where it was compressed and is cut.

        Raises:
            BagError: it is no file of a bag.
            OSError: it cannot be read.
        """
        head, cut = first_bytes(file), ""
        if head.startswith(ZSTD):
            file, cut = self._unpack(file)
            head = first_bytes(file)
        if head.startswith(MCAP):
            return _open_mcap(file), cut
        if head.startswith(SQLITE):
            return SqliteFile(file), cut
        if reason := foreign(head):
            raise BagError(f"{file.name} {reason}")
        kind, magic = ("a sqlite3 bag", "SQLite") if file.suffix == ".db3" else ("an MCAP file", "MCAP")
        raise BagError(f"{file.name} is not {kind}: it does not start with the {magic} magic bytes")

    def _unpack(self, file: Path) -> tuple[Path, str]:
        """Decompress a zstd file, as far as it goes, into a temporary directory."""
        directory = TemporaryDirectory(prefix="afss-bag-")
        self._unpacked.append(directory)
        target = Path(directory.name) / _plain_name(file.name)
        with target.open("wb") as unpacked:
            try:
                with zstd.open_zstd(file, "rb") as packed:
                    while block := packed.read(_BLOCK):
                        if shutil.disk_usage(directory.name).free < _KEEP_FREE:
                            return target, f"there is no room for more of it in {directory.name}"
                        unpacked.write(block)
            except (EOFError, zstd.ZstdError) as err:
                return target, str(err)
        return target, ""


def is_bag_file(path: Path) -> bool:
    """Whether a file is called as the files of a bag are: `.mcap` or `.db3`, compressed by zstd or not."""
    return Path(_plain_name(path.name)).suffix in _SUFFIXES and not path.is_dir()


def _open_mcap(path: Path) -> Storage:
    """Through its index if that tells all.

    Raises:
        BagError: it is no MCAP file.
    """
    try:
        return IndexedMcap(path)
    except BagError as err:
        _log.debug("%s is read from front to back: %s", path, err)
        return ScannedMcap(path)


def _files(folder: Path, listed: tuple[str, ...]) -> list[list[Path]]:
    """The files of a bag in order; those that are one file twice are one entry, the one to be read first in front.

    `ros2 bag play` leaves what it decompresses beside the compressed file; people copy files.
    """
    names = {_plain_name(name): name for name in listed}
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir(), key=_in_order):
        if is_bag_file(path) or path.name in listed or _is_ros1(path):
            groups.setdefault(_plain_name(path.name), []).append(path)
    for plain, twins in groups.items():
        twins.sort(key=lambda path: (path.name != names.get(plain, plain), path.name))
    found: list[list[Path]] = []
    for _, twins in sorted(groups.items(), key=lambda group: group[0] not in names):
        copied = next((others for others in found if _is_copy(twins[0], others)), None)
        if copied is not None:
            copied += twins
        else:
            found.append(twins)
    return sorted(found, key=lambda twins: _in_order(twins[0]))


def _is_ros1(path: Path) -> bool:
    return path.suffix == ".bag" and path.is_file() and first_bytes(path).startswith(b"#ROSBAG")


def _is_copy(path: Path, others: list[Path]) -> bool:
    """Whether a file is byte for byte one of the others."""
    size = path.stat().st_size if path.is_file() else 0
    same = [other for other in others if other.is_file() and other.stat().st_size == size and size > 0]
    return any(other != path and filecmp.cmp(path, other, shallow=False) for other in same)


def _plain_name(name: str) -> str:
    """The name of a file without the suffix of zstd.

    >>> _plain_name("flight_0.mcap.zstd"), _plain_name("flight_0.mcap")
    ('flight_0.mcap', 'flight_0.mcap')
    """
    path = Path(name)
    return path.stem if path.suffix in _PACKED else name


def _in_order(path: Path) -> list[tuple[int, int | str]]:
    """Sort key that puts part 10 after part 9."""
    return [(0, int(p)) if p.isdecimal() else (1, p) for p in re.split(r"(\d+)", path.name)]
