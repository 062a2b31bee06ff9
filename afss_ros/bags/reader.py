"""Read a rosbag2 bag without ROS: a directory, a single .mcap or .db3, compressed or not, whole or damaged."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.storage_mcap import McapReader
from rosbags.typesys import get_types_from_msg
from rosbags.typesys.store import Typestore

from afss_ros.bags import zstd
from afss_ros.bags.errors import BagError
from afss_ros.bags.salvage_mcap import SalvagedMcap
from afss_ros.bags.salvage_sqlite import SalvagedSqlite
from afss_ros.bags.storage import ZSTD_MAGIC, BagMessage, Storage, Topic
from afss_ros.bags.types import new_typestore

_log = logging.getLogger(__name__)
_SUFFIXES = (".mcap", ".db3")


class IntactBag:
    """A bag with its index, read by rosbags in the order of time. See `Storage`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = Reader(path)
        self._reader.open()
        if _is_unindexed(self._reader):
            self._reader.close()
            raise BagError(f"{path} has no index")
        self.damage: str | None = None
        empty = self._reader.message_count == 0
        self.span_ns = (0, 0) if empty else (self._reader.start_time, self._reader.end_time - 1)
        self.topics = {
            name: Topic(name, info.msgtype or info.connections[0].msgtype, info.msgcount)
            for name, info in self._reader.topics.items()
        }
        self.definitions = {
            c.msgtype: c.msgdef.data for c in self._reader.connections if c.msgdef.format == MessageDefinitionFormat.MSG
        }

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """See `Storage.messages`."""
        wanted = [c for c in self._reader.connections if c.topic in topics]
        if not wanted:
            return
        read = 0
        try:
            for connection, stamp_ns, cdr in self._reader.messages(wanted):
                yield BagMessage(connection.topic, connection.msgtype, stamp_ns, bytes(cdr))
                read += 1
        except GeneratorExit:
            raise
        except Exception as err:
            self.damage = f"{self._path}: {type(err).__name__} {err}, after message {read}"

    def close(self) -> None:
        """See `Storage.close`."""
        self._reader.close()


class BagReader:
    """A bag opened for reading.

    A damaged bag is read up to the damage: `damage` then says what is broken (it may be known only once the messages
    have been read), and it is logged as a warning.

        with BagReader("flight.mcap") as bag:
            for message in bag.messages(["/camera/image"]):
                image = bag.deserialize(message)
    """

    def __init__(self, path: Path | str) -> None:
        """Open a bag.

        Raises:
            BagError: nothing there, no bag, or not a single message of it can be read.
        """
        self.path = Path(path)
        self._unpacked: list[tempfile.TemporaryDirectory[str]] = []
        self._storages = self._open()
        self._typestore: Typestore | None = None
        self._reported = False

    @property
    def topics(self) -> dict[str, Topic]:
        """The bag's topics by name; of a damaged bag, as far as it was scanned."""
        merged: dict[str, Topic] = {}
        for storage in self._storages:
            for name, topic in storage.topics.items():
                before = merged[name].count if name in merged else 0
                merged[name] = Topic(name, topic.msgtype, before + topic.count)
        return merged

    @property
    def span_ns(self) -> tuple[int, int]:
        """When the first and the last message were recorded, in nanoseconds; (0, 0) when nothing can be read."""
        spans = [s.span_ns for s in self._storages if s.span_ns != (0, 0)]
        return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else (0, 0)

    @property
    def damage(self) -> str | None:
        """What is broken in this bag, or None as far as has been read."""
        return "; ".join(s.damage for s in self._storages if s.damage) or None

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """Messages of the given topics, or of all; may be called again to read from the start.

        Raises:
            BagError: a topic is not in the bag.
        """
        known = self.topics
        wanted = list(known) if topics is None else list(topics)
        if missing := [t for t in wanted if t not in known]:
            raise BagError(f"{self.path} has no topic {', '.join(missing)}; there are {sorted(known)}")
        for storage in self._storages:
            for message in storage.messages(wanted):
                yield _plain(message)
        if self.damage and not self._reported:
            self._reported = True
            _log.warning("damaged bag, read up to the damage: %s", self.damage)

    def deserialize(self, message: BagMessage) -> Any:
        """Turn a message into an object with the fields of its type.

        Raises:
            BagError: the type's definition is unknown, or the bytes are not such a message.
        """
        store = self._types()
        if message.msgtype not in store.fielddefs:
            raise BagError(f"{self.path} does not define {message.msgtype} of topic {message.topic}")
        try:
            return store.deserialize_cdr(message.cdr, message.msgtype)
        except Exception as err:
            raise BagError(
                f"{self.path}: what {message.topic} holds at {message.stamp_ns} ns is no {message.msgtype}: {err}"
            ) from err

    def close(self) -> None:
        """Release the files."""
        for storage in self._storages:
            storage.close()
        for directory in self._unpacked:
            directory.cleanup()

    def _open(self) -> list[Storage]:
        if not self.path.exists():
            raise BagError(f"no bag at {self.path}")
        try:
            return [IntactBag(self.path)]
        except PermissionError as err:
            raise BagError(f"cannot read {self.path}: {err}") from err
        except Exception as err:
            _log.debug("%s is not an intact bag (%s); reading what there is", self.path, err)
            return self._salvage(err)

    def _salvage(self, reason: Exception) -> list[Storage]:
        files = sorted(self.path.iterdir(), key=_in_order) if self.path.is_dir() else [self.path]
        files = [f for f in files if f.suffix in _SUFFIXES or f.suffixes[-2:-1] in ([".mcap"], [".db3"])]
        storages: list[Storage] = []
        failures: list[str] = []
        for file in files:
            try:
                unpacked = self._unpack(file)
                storages.append(SalvagedMcap(unpacked) if unpacked.suffix == ".mcap" else SalvagedSqlite(unpacked))
            except (BagError, OSError) as err:
                failures.append(str(err))
        if not storages:
            why = "; ".join(failures) or f"{reason} (a bag is a directory, a .mcap or a .db3 file)"
            raise BagError(f"{self.path} is not a bag that can be read: {why}") from reason
        for failure in failures:
            _log.warning("damaged bag, a file of it is lost: %s", failure)
        return storages

    def _unpack(self, file: Path) -> Path:
        """Decompress a `<name>.db3.zstd` or `<name>.mcap.zstd`, as far as it goes, into a temporary directory."""
        if file.suffix in _SUFFIXES:
            return file
        directory = tempfile.TemporaryDirectory(prefix="afss-bag-")
        self._unpacked.append(directory)
        target = Path(directory.name) / file.stem
        with target.open("wb") as unpacked:
            try:
                with zstd.open_zstd(file, "rb") as packed:
                    shutil.copyfileobj(packed, unpacked)
            except (EOFError, zstd.ZstdError) as err:
                _log.warning("damaged bag, %s: %s", file, err)
        return target

    def _types(self) -> Typestore:
        if self._typestore is None:
            store = new_typestore()
            for storage in self._storages:
                for name, text in storage.definitions.items():
                    if name not in store.fielddefs:
                        types = get_types_from_msg(text, name)
                        store.register({k: v for k, v in types.items() if k not in store.fielddefs})
            self._typestore = store
        return self._typestore

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _plain(message: BagMessage) -> BagMessage:
    """Undo rosbag2's compression per message, where the bag's metadata is lost and rosbags did not."""
    if message.cdr[:4] != ZSTD_MAGIC:
        return message
    return BagMessage(message.topic, message.msgtype, message.stamp_ns, zstd.decompress(message.cdr))


def _is_unindexed(reader: Reader) -> bool:
    """Whether a bag holds MCAP without chunks, as rosbag2's `fastwrite` preset records it.

    rosbags gives up on such a file at the first message that is older than the one before, as they are with several
    topics; read in the order of the file they are all there.
    """
    storages = getattr(reader.storage, "storages", [reader.storage])
    return reader.message_count > 0 and any(isinstance(s, McapReader) and not s.chunks for s in storages)


def _in_order(path: Path) -> list[tuple[int, int | str]]:
    """Sort key that puts part 10 after part 9."""
    return [(0, int(p)) if p.isdigit() else (1, p) for p in re.split(r"(\d+)", path.name)]
