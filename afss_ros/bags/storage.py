"""What the readers of bag files have in common."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

CDR = "cdr"
"""The encoding of ROS 2 messages, the only one that is deserialized here."""
_TWO_PARTS = re.compile(r"([A-Za-z]\w*)/([A-Za-z]\w*)")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a bag.

    Attributes:
        name, msgtype: as recorded; the type always in three parts, see `three_parts`.
        count: how many messages its index or its metadata promises.
        encoding: of its messages, "cdr" in ROS 2.
    """

    name: str
    msgtype: str
    count: int
    encoding: str = CDR


@dataclass(frozen=True, slots=True)
class BagMessage:
    """A message as it lies in the bag.

    Attributes:
        topic, msgtype, encoding: see `Topic`.
        stamp_ns: when it was recorded, nanoseconds since the epoch (not its header's stamp).
        cdr: the serialized message.
    """

    topic: str
    msgtype: str
    stamp_ns: int
    cdr: bytes
    encoding: str = CDR


class Storage(Protocol):
    """One open file of a bag."""

    topics: dict[str, Topic]
    definitions: dict[str, str]
    """Texts of the message definitions (the .msg form) that the bag carries, by type name."""
    span_ns: tuple[int, int]
    """When the first and the last message were recorded; (0, 0) without messages."""

    @property
    def damages(self) -> list[str]:
        """What is broken and where, begun with the file's name; a place is listed once it was met."""
        ...

    def stamps_ns(self, topic: str) -> Sequence[int]:
        """When the messages of a topic were recorded, in no particular order."""
        ...

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Messages of the given topics, oldest first, without those that are damaged."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


def three_parts(msgtype: str) -> str:
    """A type's name as ROS 2 has it; ROS 1, and writers that are no ROS at all, leave out the middle.

    >>> three_parts("sensor_msgs/Image"), three_parts("demo.State")
    ('sensor_msgs/msg/Image', 'demo.State')
    """
    found = _TWO_PARTS.fullmatch(msgtype)
    return f"{found[1]}/msg/{found[2]}" if found else msgtype


def merged(before: Topic | None, topic: Topic) -> Topic:
    """One topic of what two channels, or two files, have of it: the type is that of the more messages."""
    if before is None:
        return topic
    chief = topic if topic.count > before.count else before
    return Topic(topic.name, chief.msgtype, before.count + topic.count, chief.encoding)
