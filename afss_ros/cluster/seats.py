"""Who of several workers has how much to do: the same for every kind of them."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from afss_ros.cluster.workers import DEPTH


@dataclass(slots=True, eq=False, kw_only=True)
class Seat:
    """One worker's share of the work.

    Attributes:
        tickets: of the shards that it has, in the order in which it works.
        ready: whether it has opened the step.
        alone: whether it gets no other shard before it has answered.
        since: when it began with the first of its shards, by the monotonic clock.
    """

    tickets: deque[int] = field(default_factory=deque)
    ready: bool = False
    alone: bool = False
    since: float = 0.0


S = TypeVar("S", bound=Seat)


class Seats(Generic[S]):
    """The part of `Workers` that knows of seats alone."""

    def __init__(self) -> None:
        self._workers: list[S] = []
        self._stranded = False

    @property
    def stranded(self) -> bool:
        """See `Workers.stranded`."""
        return self._stranded

    @property
    def ready(self) -> int:
        """See `Workers.ready`."""
        return sum(worker.ready for worker in self._workers)

    @property
    def room(self) -> int:
        """See `Workers.room`."""
        return sum(DEPTH - len(worker.tickets) for worker in self._workers if worker.ready and not worker.alone)

    @property
    def idle(self) -> int:
        """See `Workers.idle`."""
        return sum(worker.ready and not worker.tickets for worker in self._workers)

    def at_work(self) -> list[tuple[int, float]]:
        """See `Workers.at_work`."""
        now = time.monotonic()
        return [(worker.tickets[0], now - worker.since) for worker in self._workers if worker.tickets]

    def _at(self, ticket: int) -> S:
        """The worker that works at a shard."""
        return next(worker for worker in self._workers if worker.tickets and worker.tickets[0] == ticket)

    @staticmethod
    def _answered(worker: S, ticket: int) -> float:
        """A worker has answered: the shard is no longer its own. Returns the seconds that it took."""
        now = time.monotonic()
        seconds, worker.since = now - worker.since, now
        worker.tickets.remove(ticket)
        worker.alone = False
        return seconds

    def _seat(self, ticket: int, *, alone: bool) -> S:
        """Give a ticket to the worker that has least to do."""
        worker = min((w for w in self._workers if w.ready and not w.alone), key=lambda w: len(w.tickets))
        worker.alone = alone
        if not worker.tickets:
            worker.since = time.monotonic()
        worker.tickets.append(ticket)
        return worker
