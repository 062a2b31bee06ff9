"""What is to be done, in shards, and what became of it: the words that steps, driver and workers share."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ClusterError(RuntimeError):
    """Work that cannot go on: says what happened, and how to go on."""


class Step(Protocol):
    """What is done to every shard of one run. It travels to the workers, so it holds names and numbers, no models."""

    def open(self) -> AbstractContextManager[Callable[[Any], Any]]:
        """Load what the work needs, once for each worker: the function gets a shard's task and returns its result.

        What it writes, it writes whole or not at all, and the same bytes each time: a shard may be done twice.
        """
        ...


@dataclass(frozen=True, slots=True)
class Shard:
    """A piece of work whose result depends on nothing but itself.

    Attributes:
        name: for people, such as `flight.mcap: frames 128 to 159`.
        task: what the step's function gets; says where the data are, and is a few kilobytes itself.
        parts: the smaller shards that it falls into where it cannot be done as a whole, so that only one is set aside.
    """

    name: str
    task: Any
    parts: tuple[Shard, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A shard and what the step's function made of it."""

    shard: Shard
    value: Any


@dataclass(frozen=True, slots=True)
class SetAside:
    """A shard that failed each time it was tried, and why it did so last."""

    shard: Shard
    reason: str


Outcome = Done | SetAside


@dataclass(slots=True)
class Tally:
    """How a run stands.

    Attributes:
        done, retried, failed: shards that are finished, were begun again, and were set aside.
        workers: that are ready.
    """

    done: int = 0
    retried: int = 0
    failed: int = 0
    workers: int = 0

    def __str__(self) -> str:
        return (
            f"{self.done} shard{'s' * (self.done != 1)} done, {self.retried} retried, {self.failed} failed,"
            f" {self.workers} worker{'s' * (self.workers != 1)}"
        )


def said(error: BaseException) -> str:
    """An error in words: ours carry a message for people, of others the class says most."""
    ours = any(c.__module__.startswith("afss_ros.") for c in type(error).__mro__)
    return str(error) if ours and str(error) else f"{type(error).__name__}: {error}"


def is_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, is a disk without room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False
