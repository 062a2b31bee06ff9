"""Hands shards to workers, hears what became of them, and tries again: the same for every step and all workers.

Nothing here knows how many shards there are, or keeps one that is done: ten million take no more memory than ten.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from afss_ros.cluster.patience import FLOOR_S, Patience
from afss_ros.cluster.work import ClusterError, Done, Outcome, SetAside, Shard, Tally
from afss_ros.cluster.workers import Answered, Failed, Lost, NotOpened, Workers, packed

_log = logging.getLogger(__name__)
ATTEMPTS = 3
"""Times that a shard is tried before it is set aside: a crash of a driver, or of a disk, is often not its fault."""
UNBLAMED = 20
"""Times that a shard may be lost with the machine it was on: it might be what takes machines down."""
_TICK_S = 1.0
"""How long to wait at a time, so that Ctrl-C is heard and nodes that join late are seen."""
_TURNS = 1000
"""Times that a step may have no shard while nobody works, before it is taken for stuck."""


@dataclass(slots=True)
class _Try:
    shard: Shard
    blamed: int = 0
    lost: int = 0


class Driver:
    """One run of a step over its shards.

    Attributes:
        tally: how it stands.
    """

    def __init__(self, workers: Workers, patience: Patience | None = None) -> None:
        self._workers = workers
        self._patience = patience or Patience()
        self._looked_at = self._ready_at = time.monotonic()
        self._warned = False
        self.tally = Tally()
        self._again: deque[_Try] = deque()
        self._flying: dict[int, _Try] = {}
        self._ticket = 0
        self._begun_in_vain = 0
        self._reasons: list[str] = []
        self._full = ""

    def run(self, shards: Iterable[Shard | None]) -> Iterator[Outcome | None]:
        """Do shards in any order; yields each outcome as it comes, and None now and then, when nothing came.

        Args:
            shards: taken as there are workers for them. None means that there is none before another outcome was
                yielded.

        Raises:
            ClusterError: no worker can be begun, no disk has room, or not one shard can be done.
        """
        source, exhausted, in_vain = iter(shards), False, 0
        while True:
            hungry = False
            while self._workers.room > 0 and not hungry:
                if self._again:
                    if self._again[0].blamed and not self._workers.idle:
                        break  # until a worker has nothing else to die of
                    self._send(self._again.popleft())
                    continue
                shard = None if exhausted else next(source, _END)
                if shard is _END:
                    exhausted = True
                elif isinstance(shard, Shard):
                    self._send(_Try(shard))
                    continue
                hungry = True
            if not self._flying and not self._again:
                if exhausted:
                    return
                if hungry:
                    in_vain += 1
                    if in_vain > _TURNS:
                        raise ClusterError("a step waits for results that nobody works at; this is a defect")
                    yield None
                    continue
            in_vain = 0
            yield from self._hear()

    def _send(self, tried: _Try) -> None:
        self._ticket += 1
        self._flying[self._ticket] = tried
        self._workers.send(self._ticket, packed(tried.shard.task, tried.shard.name), alone=tried.blamed > 0)

    def _hear(self) -> Iterator[Outcome | None]:
        events = [*self._workers.wait(_TICK_S), *self._late()]
        self.tally.workers = self._workers.ready
        self._watch_opening()
        if not events:
            yield None
        for event in events:
            if isinstance(event, Answered):
                tried = self._flying.pop(event.ticket)
                self._patience.done(type(tried.shard.task), event.seconds)
                self.tally.done += 1
                self._begun_in_vain = 0
                yield Done(tried.shard, event.value)
            elif isinstance(event, Failed):
                yield from self._failed(event)
            elif isinstance(event, Lost):
                yield from self._lost(event)
            else:
                self._not_opened(event)
        if self._workers.stranded:
            raise ClusterError(
                f"stopped after {self.tally.done} shards: {self._full}. They are safe; make room, and run the same"
                " command again to go on"
            )

    def _watch_opening(self) -> None:
        """Say it, once a time, where no worker is ready for long: loading may hang, or no machine comes."""
        now = time.monotonic()
        if self._workers.ready:
            self._ready_at = now
        elif now - self._ready_at > FLOOR_S:
            self._ready_at = now
            _log.warning(
                "no worker has loaded what its work needs for %.0f minutes: loading hangs, or the cluster has no room;"
                " Ctrl-C ends the run, and what is done is safe",
                FLOOR_S / 60,
            )

    def _late(self) -> list[Lost]:
        """Cut off what takes longer than a shard may."""
        now = time.monotonic()
        if now - self._looked_at < _TICK_S:
            return []
        self._looked_at = now
        late = []
        for ticket, seconds in self._workers.at_work():
            shard = self._flying[ticket].shard
            limit = self._patience.limit_s(type(shard.task))
            if seconds > limit:
                late.append(self._workers.cut_off(ticket, limit))
            elif limit == math.inf and seconds > FLOOR_S and self._patience.given is None and not self._warned:
                self._warned = True
                _log.warning(
                    "%s: no answer for %.0f minutes, and too few are done to say how long one takes; --timeout SECONDS"
                    " ends what hangs",
                    shard.name,
                    seconds / 60,
                )
        return late

    def _failed(self, event: Failed) -> Iterator[Outcome]:
        tried = self._flying.pop(event.ticket)
        if not event.full:
            tried.blamed += 1
            yield from self._try_again(tried, event.reason)
            return
        self._full = event.reason
        self._workers.avoid(event.place)
        if not self._workers.stranded:
            _log.warning("%s: %s; nothing more is sent to that machine", tried.shard.name, event.reason)
        self._repeat(tried)

    def _lost(self, event: Lost) -> Iterator[Outcome]:
        if not event.tickets:
            _log.warning("%s", event.reason)
            self._not_opened(NotOpened((), event.reason))
            return
        first, *rest = [self._flying.pop(ticket) for ticket in event.tickets]
        for tried in reversed(rest):
            self._again.appendleft(tried)  # nobody had begun them
        first.blamed += event.blamed
        first.lost += not event.blamed
        yield from self._try_again(first, event.reason)

    def _not_opened(self, event: NotOpened) -> None:
        for ticket in reversed(event.tickets):
            self._again.appendleft(self._flying.pop(ticket))
        self._begun_in_vain += 1
        if self._begun_in_vain >= ATTEMPTS * max(1, self._workers.ready + 1):
            raise ClusterError(
                f"no worker can begin: {event.reason}, as did {self._begun_in_vain - 1} before it; what is on disk"
                " stays, run again to go on"
            )

    def _try_again(self, tried: _Try, reason: str) -> Iterator[Outcome]:
        if tried.blamed < ATTEMPTS and tried.lost < UNBLAMED:
            _log.warning("%s: %s; it is tried again", tried.shard.name, reason)
            self._repeat(tried)
            return
        if len(tried.shard.parts) > 1:
            _log.warning("%s: %s; its parts are tried one by one", tried.shard.name, reason)
            self.tally.retried += 1
            self._again.extend(_Try(part, blamed=ATTEMPTS - 1) for part in tried.shard.parts)
            return
        self.tally.failed += 1
        self._reasons.append(reason)
        _log.error("%s: set aside after %d attempts: %s", tried.shard.name, tried.blamed + tried.lost, reason)
        if self.tally.done == 0 and self.tally.failed >= ATTEMPTS and len(set(self._reasons)) == 1:
            raise ClusterError(f"not one of the first {self.tally.failed} shards can be done: {reason}")
        yield SetAside(tried.shard, reason)

    def _repeat(self, tried: _Try) -> None:
        self.tally.retried += 1
        self._again.append(tried)


_END = object()
