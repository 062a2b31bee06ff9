"""Whatever happens to workers, every shard is done once or named; and the driver stays small."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from cluster_steps import Refusals, Squares

from afss_ros.cluster import ClusterError, Crew, Done, Driver, Outcome, SetAside, Shard, Tally
from afss_ros.cluster.workers import LARGEST_TASK, Answered, Event, Failed, Lost, packed


def shards(count: int, size: int = 1) -> Iterator[Shard]:
    for first in range(0, count, size):
        numbers = tuple(range(first, min(first + size, count)))
        each = tuple(Shard(f"number {n}", (n,)) for n in numbers)
        yield Shard(f"numbers {numbers[0]} to {numbers[-1]}", numbers, each if size > 1 else ())


def squares(outcomes: Iterable[Outcome]) -> list[int]:
    return sorted(value for outcome in outcomes if isinstance(outcome, Done) for value in outcome.value)


def aside(outcomes: Iterable[Outcome]) -> dict[str, str]:
    return {outcome.shard.name: outcome.reason for outcome in outcomes if isinstance(outcome, SetAside)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_shard_is_done_once(workers: int) -> None:
    told: list[Tally] = []
    done = list(Crew(workers=workers).run(Squares(), shards(60, 3), told.append))
    assert squares(done) == [n**2 for n in range(60)]
    assert bool(told) == (workers > 1)
    if told:
        assert str(told[-1]).startswith("20 shards done, 0 retried, 0 failed, ")


def test_what_crashes_fails_or_is_killed_is_tried_again_and_what_always_does_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("once-3", "crash-13", "fail-22"):
        (tmp_path / name).touch()
    told: list[Tally] = []
    with caplog.at_level(logging.WARNING):
        done = list(Crew(workers=2).run(Squares(str(tmp_path)), shards(40, 4), told.append))
    assert squares(done) == [n**2 for n in range(40) if n not in (13, 22)]
    assert aside(done).keys() == {"number 13", "number 22"}
    assert "died (exit code 9)" in aside(done)["number 13"]
    assert aside(done)["number 22"] == "ValueError: 22 is no number"
    assert told[-1].failed == 2 and told[-1].retried >= 3
    assert "number 13: set aside" in caplog.text


def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "slow").touch()
    done = []
    killed: set[int] = set()
    for outcome in Crew(workers=2).run(Squares(str(tmp_path)), shards(20)):
        done.append(outcome)
        if len(killed) < 2 and (begun := sorted(tmp_path.glob("begun-*"))):
            pid = int(begun[-1].name.split("-")[2])
            if pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
    assert len(killed) == 2
    assert squares(done) == [n**2 for n in range(20)]


def test_a_shard_that_hangs_is_tried_again_and_at_last_named(tmp_path: Path) -> None:
    (tmp_path / "hang-5").touch()
    told: list[Tally] = []
    done = list(Crew(workers=1, timeout_s=1.5).run(Squares(str(tmp_path)), shards(8), told.append))
    assert squares(done) == [n**2 for n in range(8) if n != 5]
    assert aside(done) == {"numbers 5 to 5": "no answer within 1.5 s; process 1 of 1 was killed"}
    assert told[-1].failed == 1 and told[-1].retried >= 2


def test_a_full_disk_of_this_machine_stops_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("*")
    with pytest.raises(ClusterError, match=r"No space left on device.*make room, and run the same command again"):
        list(Crew(workers=2).run(Squares(str(tmp_path)), shards(9)))


def test_a_step_that_no_worker_can_open_is_not_begun_for_ever() -> None:
    with pytest.raises(ClusterError, match=r"no worker can begin: ValueError: there is no such model, as did \d"):
        list(Crew(workers=2).run(Squares(opens=False), shards(9)))


def test_where_nothing_can_be_done_the_run_ends_early() -> None:
    done: list[Outcome] = []
    with pytest.raises(ClusterError, match="not one of the first 3 shards can be done: ValueError: wrong settings"):
        done.extend(Crew(workers=2).run(Refusals(), shards(50)))
    assert len(done) == 2


def test_a_task_is_a_description_not_data() -> None:
    with pytest.raises(ClusterError, match=r"numbers: its task takes \d+ bytes, more than"):
        packed(b"x" * LARGEST_TASK, "numbers")


class Nobody:
    """Workers that answer at once, in this thread: what is left is the driver."""

    ready = 4
    stranded = False

    def __init__(self) -> None:
        self._tickets: list[int] = []

    @property
    def room(self) -> int:
        return 8 - len(self._tickets)

    @property
    def idle(self) -> int:
        return 4

    def send(self, ticket: int, task: bytes, *, alone: bool = False) -> None:
        self._tickets.append(ticket)

    def wait(self, seconds: float) -> Sequence[Event]:
        answers = [Answered(ticket, None) for ticket in self._tickets]
        self._tickets.clear()
        return answers

    def at_work(self) -> list[tuple[int, float]]:
        return []

    def cut_off(self, ticket: int, limit_s: float) -> Lost:
        raise AssertionError("nobody is slow")

    def avoid(self, place: str) -> None:
        raise AssertionError("nobody's disk is full")

    def close(self) -> None:
        pass


def test_the_driver_keeps_nothing_of_what_is_done() -> None:
    def peak(count: int) -> int:
        gc.collect()
        tracemalloc.start()
        try:
            for outcome in Driver(Nobody()).run(Shard(f"{n}", n) for n in range(count)):
                assert outcome is not None
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(10_000) < 1.2 * peak(500) + 10_000


def test_without_a_limit_shards_that_are_done_set_one() -> None:
    class Slow(Nobody):
        """Does five shards in 100 s each, and never the sixth."""

        late: float = 0.0
        cut: tuple[int, float] | None = None

        def wait(self, seconds: float) -> Sequence[Event]:
            ready = [ticket for ticket in self._tickets if ticket <= 5]
            self._tickets = [ticket for ticket in self._tickets if ticket > 5]
            self.late += 500
            return [Answered(ticket, None, 100.0) for ticket in ready]

        def at_work(self) -> list[tuple[int, float]]:
            return [(ticket, self.late) for ticket in self._tickets if ticket == 6]

        def cut_off(self, ticket: int, limit_s: float) -> Lost:
            self._tickets.remove(ticket)
            self.cut = (ticket, limit_s)
            return Lost((ticket,), "it was killed", blamed=True)

    workers = Slow()
    driver = Driver(workers)
    for outcome in driver.run(Shard(f"{n}", n) for n in range(6)):
        driver._looked_at = 0.0  # a second later
        if workers.cut:
            break
        assert isinstance(outcome, Done) or outcome is None
    assert workers.cut == (6, 2000.0)


def test_a_machine_that_seemed_left_and_is_gone_ends_a_run_whose_other_machines_are_full() -> None:
    class Phantom(Nobody):
        """The first machine is full; the second is dead, which shows a while later."""

        avoided = 0
        waited = 0

        def wait(self, seconds: float) -> Sequence[Event]:
            self.stranded = self.avoided > 0 and not self._tickets
            tickets, self._tickets = self._tickets, []
            if self.avoided:
                self.waited += 1
                assert self.waited < 5, "waits for a machine that never comes"
                return []
            return [Failed(tickets[0], "No space left on device", full=True, place="first")]

        def avoid(self, place: str) -> None:
            self.avoided += 1

        @property
        def room(self) -> int:
            return int(not self.avoided)

    with pytest.raises(ClusterError, match=r"No space left on device\. They are safe; make room"):
        list(Driver(Phantom()).run([Shard("one", 1)]))


def test_workers_that_load_for_long_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    class Loading(Nobody):
        ready = 0
        room = 0

    driver = Driver(Loading())
    outcomes = driver.run([Shard("one", 1)])
    next(outcomes)
    assert not caplog.records
    driver._ready_at -= 601
    next(outcomes)
    next(outcomes)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "no worker has loaded what its work needs for 10 minutes"
    ]


@pytest.mark.parametrize("wrong", [{"workers": -1}, {"gpus": 1.5}, {"memory_gb": -2.0}, {"timeout_s": -1.0}])
def test_an_impossible_crew_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ClusterError):
        Crew(**wrong)  # type: ignore[arg-type]


def test_ray_client_without_grpc_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False))  # takes long to import
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(ClusterError, match=r"ray://head:10001 .* needs grpcio; .* pip install 'ray\[client\]'"):
        list(Crew("ray://head:10001").run(Squares(), shards(1)))


def test_a_cluster_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not there
    with pytest.raises(ClusterError, match="--cluster needs Ray"):
        list(Crew("auto").run(Squares(), shards(1)))
