"""What the readers of intact and of damaged bag files have in common."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""How a zstd frame starts (RFC 8878); CDR starts with a zero byte, so a compressed message is told from a plain one."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a bag: its name, its type, and how many messages it has, as far as is known before they are read."""

    name: str
    msgtype: str
    count: int


@dataclass(frozen=True, slots=True)
class BagMessage:
    """A message as it lies in the bag.

    Attributes:
        topic, msgtype: as recorded.
        stamp_ns: when it was recorded, nanoseconds since the epoch (not its header's stamp).
        cdr: the serialized message.
    """

    topic: str
    msgtype: str
    stamp_ns: int
    cdr: bytes


class Storage(Protocol):
    """One open bag, or one file of it."""

    topics: dict[str, Topic]
    definitions: dict[str, str]
    """Texts of the message definitions (the .msg form) that the bag carries, by type name."""
    span_ns: tuple[int, int]
    """When the first and the last message were recorded; (0, 0) without messages."""

    @property
    def damages(self) -> list[str]:
        """What is broken and where, begun with the file's name; a place is listed once it was met."""
        ...

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Messages of the given topics, oldest first, without those that are damaged."""
        ...

    def close(self) -> None:
        """Release the files."""
        ...
