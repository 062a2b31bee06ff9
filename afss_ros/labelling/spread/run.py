"""Decides what workers look at and label, and lists what they have put, in the order of the input."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from afss_ros.cluster import Done, Driver, SetAside, Shard
from afss_ros.labelling.assemble import Introduction
from afss_ros.labelling.engine import LabellingRun, Progress
from afss_ros.labelling.frame import Made, Pick
from afss_ros.labelling.plan import Unit
from afss_ros.labelling.spread.looks import Looks, Placed
from afss_ros.labelling.spread.step import Introduce, Label, Look, teacher_of

WINDOW = 256
"""Units that are with workers, or wait for one before them; what is held of each is its labels, no pictures."""
_TURN = 500
"""Units without work after which the others get a turn."""


@dataclass(slots=True, eq=False)
class _Waiting:
    unit: Unit
    seen: int
    made: list[Made] | None = None
    aside: bool = False


def introduction(driver: Driver) -> Introduction:
    """Ask a worker who the teacher is."""
    for outcome in driver.run([Shard("the teacher", Introduce())]):
        if isinstance(outcome, Done):
            known: Introduction = outcome.value
            driver.tally.done = 0  # nothing of the work
            return known
    raise AssertionError("a driver gives an outcome, or raises")


def spread(run: LabellingRun, looks: Looks, driver: Driver, teacher: Introduction) -> Iterator[Progress]:
    """Label what is not labelled yet; as `LabellingRun.run`, by the driver's workers.

    Raises:
        TeacherError: the output cannot be written any more; running again goes on.
        ClusterError: the workers cannot go on; likewise.
    """
    return _Spread(run, looks, driver, teacher).run()


class _Spread:
    def __init__(self, run: LabellingRun, looks: Looks, driver: Driver, teacher: Introduction) -> None:
        self._run, self._looks, self._driver = run, looks, driver
        self._teacher = teacher_of(teacher)
        self._order: deque[_Waiting] = deque()
        self._labelled: dict[Label, _Waiting] = {}
        self._listed: list[Progress] = []
        self._seen = 0

    def run(self) -> Iterator[Progress]:
        for outcome in self._driver.run(self._shards()):
            if outcome is not None:
                self._settle(outcome)
            self._list()
            yield from self._listed
            self._listed.clear()

    def _settle(self, outcome: Done | SetAside) -> None:
        task = outcome.shard.task
        value = outcome.value if isinstance(outcome, Done) else None
        if isinstance(task, Look):
            self._looks.settle(task, value)
            self._run.set_aside += len(task.places) if value is None else 0
            return
        waiting = self._labelled.pop(task)
        waiting.made, waiting.aside = value, value is None
        self._run.set_aside += len(task.picks) if value is None else 0

    def _shards(self) -> Iterator[Shard | None]:
        idle = 0
        for unit in self._run.plan(self._looks, decode=False):
            while self._looks.wanted:
                yield self._looks.wanted.popleft()
            if not unit.events and not unit.trailing:
                yield None
                continue
            self._seen += unit.frames
            shard = self._take(unit)
            self._list()
            if shard is not None:
                yield shard
                idle = 0
            elif (idle := idle + 1) % _TURN == 0:
                yield None
            while len(self._labelled) >= WINDOW or len(self._order) >= 2 * WINDOW:
                yield None

    def _take(self, unit: Unit) -> Shard | None:
        """Put a unit in line; a shard where a worker is needed for it."""
        waiting = _Waiting(unit, self._seen)
        self._order.append(waiting)
        if unit.finished or not unit.picks:
            waiting.made = []
            return None
        picks = []
        for event in unit.picks:
            assert isinstance(event.candidate, Placed)
            assert event.hashed is not None
            picks.append((event.candidate.place, Pick.of(event.candidate, event.hashed)))
        task = Label(tuple(picks), self._teacher)
        self._labelled[task] = waiting
        return Shard(f"labelling {picks[0][1].key} to {picks[-1][1].key}", task)

    def _list(self) -> None:
        """List what is next in line, as far as it is there."""
        while self._order and (self._order[0].made is not None or self._order[0].aside):
            waiting = self._order.popleft()
            unit = waiting.unit
            if waiting.aside:
                continue  # the next run begins with it
            if unit.finished:
                self._run.thinned += unit.thinned
                key = unit.events[-1].key if unit.events else ""
                self._listed.append(Progress(key, None, (), waiting.seen, self._run.counts, self._driver.tally))
                continue
            self._listed += self._run.list_unit(unit, waiting.made or (), waiting.seen, self._driver.tally)
