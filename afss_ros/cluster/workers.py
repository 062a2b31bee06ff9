"""What a driver asks of its workers, wherever they run, and what it hears from them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from afss_ros.cluster.work import ClusterError

DEPTH = 2
"""Shards that a worker has at a time: one that it works at, one that it need not wait for."""
LARGEST_TASK = 48 * 1024
"""Bytes. Less than a pipe holds, so that driver and worker never wait for each other to read."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A shard's result.

    Attributes:
        seconds: that it took.
    """

    ticket: int
    value: Any
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """A shard's function raised.

    Attributes:
        full: whether it lacked room on a disk, which is not the shard's fault.
        place: the machine that it ran on; empty for this one.
    """

    ticket: int
    reason: str
    full: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker died.

    Attributes:
        tickets: of the shards that it had, in order: it worked at the first of them, or its answer was lost with it.
        reason: how it died.
        blamed: whether it may have died of the shard; a machine that goes takes its workers with it.
    """

    tickets: tuple[int, ...]
    reason: str
    blamed: bool


@dataclass(frozen=True, slots=True)
class NotOpened:
    """A worker could not load what the step needs."""

    tickets: tuple[int, ...]
    reason: str


Event = Answered | Failed | Lost | NotOpened


class Workers(Protocol):
    """Workers that have opened one step. Used from one thread."""

    @property
    def ready(self) -> int:
        """How many have opened the step."""
        ...

    @property
    def room(self) -> int:
        """How many shards can be sent now."""
        ...

    @property
    def idle(self) -> int:
        """How many workers are ready and have nothing to do."""
        ...

    def send(self, ticket: int, task: bytes, *, alone: bool = False) -> None:
        """Hand a pickled task to the worker that has least to do.

        Args:
            alone: to an idle one, which gets no other before it has answered: of what it dies then, there is no doubt.
        """
        ...

    def wait(self, seconds: float) -> Sequence[Event]:
        """What has happened, or happens within so many seconds; workers that died are replaced."""
        ...

    def at_work(self) -> Sequence[tuple[int, float]]:
        """The shards that workers are at, and for how many seconds."""
        ...

    def cut_off(self, ticket: int, limit_s: float) -> Lost:
        """Kill the worker that is at a shard, which it has been for more than `limit_s`; another is begun."""
        ...

    @property
    def stranded(self) -> bool:
        """Whether no machine is left but those that are avoided."""
        ...

    def avoid(self, place: str) -> None:
        """Send nothing more to a machine, and take back what it has."""
        ...

    def close(self) -> None:
        """End all workers at once. May be called twice."""
        ...


def packed(task: Any, name: str) -> bytes:
    """A task as it is sent.

    Raises:
        ClusterError: it is data rather than a description of it.
    """
    content = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
    if len(content) > LARGEST_TASK:
        raise ClusterError(
            f"{name}: its task takes {len(content)} bytes, more than {LARGEST_TASK}; name the data instead, or make"
            " smaller shards"
        )
    return content
