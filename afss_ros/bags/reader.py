"""Read a rosbag2 bag without ROS: a directory, a single .mcap or .db3, compressed or not, whole or damaged."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.typesys import TypesysError, get_types_from_msg
from rosbags.typesys.store import Typestore

from afss_ros.bags import zstd
from afss_ros.bags.errors import BagError
from afss_ros.bags.intact import IntactBag
from afss_ros.bags.parts import Parts
from afss_ros.bags.storage import ZSTD_MAGIC, BagMessage, Storage, Topic
from afss_ros.bags.types import new_typestore

_log = logging.getLogger(__name__)


class BagReader:
    """A bag opened for reading.

    Of a damaged bag everything is read that is whole: `damages` then says what is broken (some is known only once the
    messages have been read), and it is logged as warnings.

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
        self._parts: Parts | None = None
        self._storages = self._open()
        self._typestore: Typestore | None = None
        self._logged: set[str] = set()
        self._log_damages()

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
    def damages(self) -> list[str]:
        """What is broken in this bag as far as it has been read: a file, a chunk, an end that is missing."""
        lost = self._parts.lost if self._parts is not None else []
        return [*lost, *(damage for storage in self._storages for damage in storage.damages)]

    @property
    def damage(self) -> str | None:
        """The damages as one text, or None."""
        return "; ".join(self.damages) or None

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
        self._log_damages()

    def deserialize(self, message: BagMessage) -> Any:
        """Turn a message into an object with the fields of its type.

        Raises:
            BagError: the type's definition is unknown, or the bytes are not such a message.
        """
        store = self._types()
        if message.msgtype not in store.fielddefs:
            raise BagError(f"{self.path} does not define {message.msgtype} of topic {message.topic}")
        if message.cdr[:4] == ZSTD_MAGIC:
            raise BagError(f"{self.path}: what {message.topic} holds at {message.stamp_ns} ns does not decompress")
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
        if self._parts is not None:
            self._parts.close()

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
        self._parts = parts = Parts(self.path)
        if not parts.storages:
            parts.close()
            why = "; ".join(parts.lost) or f"{reason} (a bag is a directory, a .mcap or a .db3 file)"
            raise BagError(f"{self.path} is not a bag that can be read: {why}") from reason
        return parts.storages

    def _log_damages(self) -> None:
        for damage in self.damages:
            if damage not in self._logged:
                self._logged.add(damage)
                _log.warning("damaged bag %s: %s", self.path, damage)

    def _types(self) -> Typestore:
        if self._typestore is None:
            store = new_typestore()
            for storage in self._storages:
                for name, text in storage.definitions.items():
                    if name not in store.fielddefs:
                        _register(store, name, text)
            self._typestore = store
        return self._typestore

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _register(store: Typestore, name: str, text: str) -> None:
    """Add a type by its definition. One that is none concerns only the messages of that type, if any are asked for."""
    try:
        types = get_types_from_msg(text, name)
        store.register({k: v for k, v in types.items() if k not in store.fielddefs})
    except TypesysError as err:
        _log.debug("the definition of %s cannot be read: %s", name, err)


def _plain(message: BagMessage) -> BagMessage:
    """Undo rosbag2's compression per message, whatever the bag's metadata say of it, which may be lost.

    A message that does not decompress stays as it is, for `deserialize` to refuse.
    """
    if message.cdr[:4] != ZSTD_MAGIC:
        return message
    try:
        return replace(message, cdr=zstd.decompress(message.cdr))
    except zstd.ZstdError:
        return message
