"""Read a bag file by file where it does not open as a whole: without its metadata, cut off, with a file of it lost."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

import yaml

from afss_ros.bags import zstd
from afss_ros.bags.errors import BagError
from afss_ros.bags.intact import IntactBag
from afss_ros.bags.salvage_mcap import SalvagedMcap
from afss_ros.bags.salvage_sqlite import SalvagedSqlite
from afss_ros.bags.storage import Storage

_log = logging.getLogger(__name__)
_SUFFIXES = (".mcap", ".db3")


class Parts:
    """The files of a bag, each read as far as it goes.

    Attributes:
        storages: of the files of which anything can be read, in order.
        lost: what is wrong with the others, one entry for each.
    """

    def __init__(self, path: Path) -> None:
        """Open what can be opened of the folder or file at `path`; it may be nothing."""
        self.storages: list[Storage] = []
        self.lost: list[str] = _missing(path)
        self._unpacked: list[TemporaryDirectory[str]] = []
        self._is_folder = path.is_dir()
        files = sorted(path.iterdir(), key=_in_order) if self._is_folder else [path]
        for file in files:
            if file.suffix in _SUFFIXES or file.suffixes[-2:-1] in ([".mcap"], [".db3"]):
                self._open(file)

    def close(self) -> None:
        """Remove what was unpacked."""
        for directory in self._unpacked:
            directory.cleanup()

    def _open(self, file: Path) -> None:
        try:
            unpacked, cut = self._unpack(file)
            storage = _open_file(unpacked)
        except (BagError, OSError) as err:
            self.lost.append(f"a file of it is lost: {err}" if self._is_folder else str(err))
            return
        self.storages.append(storage)
        if cut and not storage.damages:
            self.lost.append(f"{file.name}: is not whole: {cut}")

    def _unpack(self, file: Path) -> tuple[Path, str]:
        """Decompress a `<name>.db3.zstd` or `<name>.mcap.zstd`, as far as it goes, into a temporary directory."""
        if file.suffix in _SUFFIXES:
            return file, ""
        directory = TemporaryDirectory(prefix="afss-bag-")
        self._unpacked.append(directory)
        target = Path(directory.name) / file.stem
        with target.open("wb") as unpacked:
            try:
                with zstd.open_zstd(file, "rb") as packed:
                    shutil.copyfileobj(packed, unpacked)
            except (EOFError, zstd.ZstdError) as err:
                return target, str(err)
        return target, ""


def _open_file(path: Path) -> Storage:
    """One file, through its index if it has one.

    Raises:
        BagError: it is no file of a bag.
    """
    if path.suffix != ".mcap":
        return SalvagedSqlite(path)
    try:
        return IntactBag(path)
    except PermissionError as err:
        raise BagError(f"{path.name}: {err.strerror}") from err
    except Exception as err:
        _log.debug("%s cannot be read through its index: %s", path, err)
        return SalvagedMcap(path)


def _missing(path: Path) -> list[str]:
    """The files that the bag's metadata lists and that are not there."""
    try:
        content = yaml.safe_load((path / "metadata.yaml").read_text())
        listed = [PurePath(name).name for name in content["rosbag2_bagfile_information"]["relative_file_paths"]]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return []
    return [f"a file of it is lost: {name} is not there" for name in listed if not (path / name).exists()]


def _in_order(path: Path) -> list[tuple[int, int | str]]:
    """Sort key that puts part 10 after part 9."""
    return [(0, int(p)) if p.isdigit() else (1, p) for p in re.split(r"(\d+)", path.name)]
