"""Workers that are processes of this machine, as many as asked for, begun anew where they crash."""

from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from afss_ros.cluster.seats import Seat, Seats
from afss_ros.cluster.work import Step, is_full_disk, said
from afss_ros.cluster.workers import Answered, Event, Failed, Lost, NotOpened
from afss_ros.threads import chosen, limited


@dataclass(slots=True, eq=False)
class _Worker(Seat):
    number: int
    process: SpawnProcess
    line: Connection
    done: int = 0


class Processes(Seats[_Worker]):
    """Processes of this machine. See `Workers`."""

    def __init__(self, step: Step, count: int) -> None:
        super().__init__()
        # A process whose OpenCV and OpenMP threads are running must not fork.
        self._context = mp.get_context("spawn")
        self._step = pickle.dumps(step, pickle.HIGHEST_PROTOCOL)
        self._threads = max(1, chosen() // count)
        self._count = count
        try:
            for number in range(count):
                self._workers.append(self._begin(number))
        except BaseException:
            self.close()
            raise

    def send(self, ticket: int, task: bytes, *, alone: bool = False) -> None:
        """See `Workers.send`."""
        worker = self._seat(ticket, alone=alone)
        with suppress(OSError):  # it has died, and `wait` will hear of it
            worker.line.send_bytes(task)

    def wait(self, seconds: float) -> Sequence[Event]:
        """See `Workers.wait`."""
        ready = set(wait([worker.line for worker in self._workers], seconds))
        events: list[Event] = []
        for worker in [w for w in self._workers if w.line in ready]:
            try:
                kind, *said_ = worker.line.recv()
            except (EOFError, OSError):  # the second when it died within a message
                self._workers[self._workers.index(worker)] = self._begin(worker.number)
                events.append(self._ended(worker))
                continue
            if kind == "ready":
                worker.ready = True
            elif kind == "unopened":
                self._workers[self._workers.index(worker)] = self._begin(worker.number)
                self._end(worker)
                events.append(NotOpened(tuple(worker.tickets), *said_))
            else:
                ticket = worker.tickets[0]
                seconds = self._answered(worker, ticket)
                worker.done += 1
                events.append(Answered(ticket, said_[0], seconds) if kind == "done" else Failed(ticket, *said_))
        return events

    def cut_off(self, ticket: int, limit_s: float) -> Lost:
        """See `Workers.cut_off`."""
        worker = self._at(ticket)
        worker.process.kill()  # what hangs may not hear of a gentler end
        self._workers[self._workers.index(worker)] = self._begin(worker.number)
        self._end(worker)
        what = f"no answer within {limit_s:g} s; process {worker.number + 1} of {self._count} was killed"
        return Lost(tuple(worker.tickets), what, blamed=True)

    def avoid(self, place: str) -> None:
        """See `Workers.avoid`: they are all on this machine."""
        self._stranded = True

    def close(self) -> None:
        """See `Workers.close`."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            self._end(worker)
        self._workers = []

    def _begin(self, number: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(self._step, theirs, self._threads), daemon=True, name=f"afss-worker-{number}"
        )
        with _deaf():
            process.start()
        theirs.close()  # the child's alone, so that its end is heard here
        return _Worker(number, process, ours)

    def _ended(self, worker: _Worker) -> Event:
        self._end(worker)
        reason = (
            f"process {worker.number + 1} of {self._count} died (exit code {worker.process.exitcode}) after"
            f" {worker.done} shards"
        )
        return Lost(tuple(worker.tickets), reason, blamed=True)

    @staticmethod
    def _end(worker: _Worker) -> None:
        worker.line.close()
        worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started within is deaf to Ctrl-C from its first moment: the driver hears it, and ends all in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(step: bytes, line: Connection, threads: int) -> None:
    """The whole of a worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Before the step brings in the libraries that read them. Mesa would start a thread for every core in each process.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("LP_NUM_THREADS", "1")
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the driver is gone, and so are we
        try:
            opened = _unpacked(step).open()
            work = opened.__enter__()
        except Exception as error:
            line.send(("unopened", said(error)))
            return
        with limited(threads):
            line.send(("ready",))
            try:
                while True:
                    line.send(answer(work, line.recv_bytes()))
            finally:
                opened.__exit__(*sys.exc_info())


def answer(work: Any, task: bytes) -> tuple[Any, ...]:
    """What a worker says of one task: `done` and its result, or `failed`, why, and whether a disk was full."""
    try:
        return "done", work(pickle.loads(task))
    except Exception as error:
        return "failed", said(error), is_full_disk(error)


def _unpacked(step: bytes) -> Step:
    unpacked: Step = pickle.loads(step)
    return unpacked
