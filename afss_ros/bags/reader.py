"""Read a rosbag2 bag without ROS: a directory, a single .mcap or .db3, compressed or not, whole or damaged."""

from __future__ import annotations

import heapq
import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.typesys import get_types_from_msg
from rosbags.typesys.store import Typestore

from afss_ros.bags import zstd
from afss_ros.bags.errors import BagError
from afss_ros.bags.first_bytes import ZSTD
from afss_ros.bags.parts import Parts
from afss_ros.bags.storage import CDR, BagMessage, Storage, Topic
from afss_ros.bags.types import new_typestore

_log = logging.getLogger(__name__)
_LARGEST_MESSAGE = 1 << 30
"""Bytes of a message that was compressed by itself; the largest picture that is believed has less."""


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
        self._parts = self._open()
        self._topics = self._parts.topics
        self._typestore: Typestore | None = None
        self._differences: dict[str, str] = {}
        self._logged: set[str] = set()
        self._log_damages()

    @property
    def topics(self) -> dict[str, Topic]:
        """The bag's topics by name; of a damaged bag, as far as it was scanned."""
        return dict(self._topics)

    @property
    def span_ns(self) -> tuple[int, int]:
        """When the first and the last message were recorded, in nanoseconds; (0, 0) when nothing can be read."""
        spans = [s.span_ns for s in self._parts.storages if s.span_ns != (0, 0)]
        return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else (0, 0)

    @property
    def damages(self) -> list[str]:
        """What is broken in this bag as far as it has been read: a file, a chunk, an end that is missing.

        And each difference between what it promises, in its metadata or in an index, and what it holds.
        """
        broken = [damage for storage in self._parts.storages for damage in storage.damages]
        return [*self._parts.lost, *broken, *self._differences.values()]

    @property
    def damage(self) -> str | None:
        """The damages as one text, or None."""
        return "; ".join(self.damages) or None

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """Messages of the given topics, or of all; may be called again to read from the start.

        Raises:
            BagError: a topic is not in the bag.
        """
        known = self._topics
        wanted = list(known) if topics is None else list(topics)
        if missing := [t for t in wanted if t not in known]:
            raise BagError(f"{self.path} has no topic {', '.join(missing)}; there are {sorted(known)}")
        others: Counter[tuple[str, str]] = Counter()
        read: Counter[str] = Counter()
        for message in _in_order(self._parts.storages, wanted):
            read[message.topic] += 1
            if message.msgtype != known[message.topic].msgtype:
                others[message.topic, message.msgtype] += 1
                continue
            yield _plain(message)
        for (topic, msgtype), count in others.items():
            self._differences[f"{topic} {msgtype}"] = (
                f"{count} messages of {topic} are {msgtype or 'of no type'}, not {known[topic].msgtype}, and left out"
            )
        self._hold_against_index(wanted, read)
        self._log_damages()

    def stamps_ns(self, topic: str) -> list[int]:
        """When the messages of a topic were recorded, in nanoseconds, in no particular order."""
        return [stamp for storage in self._parts.storages for stamp in storage.stamps_ns(topic)]

    def deserialize(self, message: BagMessage) -> Any:
        """Turn a message into an object with the fields of its type.

        Raises:
            BagError: the type's definition is unknown, or the bytes are not such a message.
        """
        if message.encoding != CDR:
            raise BagError(
                f"{self.path}: the messages of {message.topic} are encoded as {message.encoding!r}, not as ROS 2's"
                f" {CDR!r}{encoding_cure(message.encoding)}"
            )
        store = self._types()
        if message.msgtype not in store.fielddefs:
            raise BagError(f"{self.path} does not define {message.msgtype} of topic {message.topic}")
        if message.cdr[:4] == ZSTD:
            raise BagError(f"{self.path}: what {message.topic} holds at {message.stamp_ns} ns does not decompress")
        try:
            return store.deserialize_cdr(message.cdr, message.msgtype)
        except Exception as err:
            raise BagError(
                f"{self.path}: what {message.topic} holds at {message.stamp_ns} ns is no {message.msgtype}: {err}"
            ) from err

    def close(self) -> None:
        """Release the files."""
        self._parts.close()

    def _open(self) -> Parts:
        if not self.path.exists():
            raise BagError(f"no bag at {self.path}")
        try:
            parts = Parts(self.path)
        except OSError as err:
            raise BagError(f"cannot read {self.path}: {err}") from err
        if not parts.storages:
            parts.close()
            why = "; ".join(parts.lost) or "no file of a bag is in it (a bag is a directory, a .mcap or a .db3 file)"
            raise BagError(f"{self.path} is not a bag that can be read: {why}")
        return parts

    def _hold_against_index(self, topics: Collection[str], read: Mapping[str, int]) -> None:
        """Whatever the reason: what an index promises and nobody has read is not passed over."""
        if any(storage.damages for storage in self._parts.storages):
            return
        for topic in topics:
            promised = self._topics[topic].count
            if read.get(topic, 0) != promised:
                self._differences[topic] = (
                    f"{promised} messages of {topic} are in the index, {read.get(topic, 0)} were read"
                )

    def _log_damages(self) -> None:
        for damage in self.damages:
            if damage not in self._logged:
                self._logged.add(damage)
                _log.warning("damaged bag %s: %s", self.path, damage)

    def _types(self) -> Typestore:
        if self._typestore is None:
            store = new_typestore()
            for storage in self._parts.storages:
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


def encoding_cure(encoding: str) -> str:
    """How to come from messages in another encoding to such as can be read, to end a sentence with."""
    cure = "; convert the ROS 1 bag that they come from: rosbags-convert --src FILE.bag --dst FOLDER"
    return cure if encoding == "ros1" else ""


def _in_order(storages: Sequence[Storage], topics: Collection[str]) -> Iterator[BagMessage]:
    """The messages of all files, oldest first as far as each file is so; a file is begun when its time has come."""

    def messages(storage: Storage) -> Iterator[tuple[int, BagMessage | None]]:
        yield storage.span_ns[0], None
        for message in storage.messages(topics):
            yield message.stamp_ns, message

    for _, message in heapq.merge(*map(messages, storages), key=itemgetter(0)):
        if message is not None:
            yield message


def _register(store: Typestore, name: str, text: str) -> None:
    """Add a type by its definition. One that is none concerns only the messages of that type, if any are asked for."""
    try:
        types = get_types_from_msg(text, name)
        store.register({k: v for k, v in types.items() if k not in store.fielddefs})
    except Exception as err:  # a grammar's exceptions, and whatever a definition that is none provokes
        _log.debug("the definition of %s cannot be read: %s", name, err)


def _plain(message: BagMessage) -> BagMessage:
    """Undo rosbag2's compression per message, whatever the bag's metadata say of it, which may be lost.

    A message that does not decompress stays as it is, for `deserialize` to refuse.
    """
    if message.cdr[:4] != ZSTD:
        return message
    try:
        return replace(message, cdr=zstd.decompress_at_most(message.cdr, _LARGEST_MESSAGE))
    except zstd.ZstdError:
        return message
