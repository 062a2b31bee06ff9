"""Workers that are actors of a Ray cluster: they load once and stay, on whatever nodes there are and will be.

Ray schedules them, by processors, fractions of GPUs and memory; that is all that it is asked for. What becomes of a
shard whose worker dies is the driver's business, as it is with processes.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from afss_ros.cluster.ray_worker import RayWorker
from afss_ros.cluster.seats import Seat, Seats
from afss_ros.cluster.work import ClusterError, Step
from afss_ros.cluster.workers import Answered, Event, Failed, Lost, NotOpened

_log = logging.getLogger(__name__)
_CENSUS_S = 2.0
"""How often the nodes are counted."""
_KNOCK_S = 10.0
_OPEN = -1
"""The ticket of a worker's opening."""


@dataclass(slots=True, eq=False)
class _Worker(Seat):
    actor: Any
    node: str = ""


class OnRay(Seats[_Worker]):
    """Actors of a Ray cluster. See `Workers`."""

    def __init__(
        self, step: Step, address: str, count: int = 0, *, cpus: float = 1.0, gpus: float = 0.0, memory_gb: float = 0.0
    ) -> None:
        """Join the cluster and ask it for workers.

        Args:
            count: 0 is as many as fit, counted again as nodes come and go.

        Raises:
            ClusterError: no cluster answers there.
        """
        import ray

        super().__init__()
        self._ray: Any = ray  # its functions carry no types
        self._joined = join(address)
        self._count = count
        self._needs = {"CPU": cpus, "GPU": gpus, "memory": memory_gb * 1e9}
        self._options: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        if memory_gb:
            self._options["memory"] = int(memory_gb * 1e9)
        self._class = ray.remote(RayWorker)
        self._step = ray.put(pickle.dumps(step, pickle.HIGHEST_PROTOCOL))
        self._calls: dict[Any, tuple[_Worker, int]] = {}
        self._events: list[Event] = []
        self._avoided: set[str] = set()
        self._counted_at = 0.0
        try:
            self._take_census()
        except BaseException:
            self.close()
            raise

    def send(self, ticket: int, task: bytes, *, alone: bool = False) -> None:
        """See `Workers.send`."""
        worker = self._seat(ticket, alone=alone)
        self._calls[worker.actor.do.remote(task)] = worker, ticket

    def wait(self, seconds: float) -> Sequence[Event]:
        """See `Workers.wait`."""
        events, self._events = self._events, []
        if time.monotonic() - self._counted_at > _CENSUS_S:
            self._take_census()
        if not self._calls:
            time.sleep(0 if events else min(seconds, _CENSUS_S))
            return events
        calls = list(self._calls)
        try:
            come, _ = self._ray.wait(calls, num_returns=1, timeout=0 if events else seconds)
            if come:
                come, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0)
        except (ConnectionError, self._ray.exceptions.RaySystemError) as error:
            raise _silent(error) from error
        arrived = set(come)
        for call in calls:  # in the order of sending, in which an actor works
            if call in arrived and call in self._calls:
                events.extend(self._hear(call))
        return events

    def cut_off(self, ticket: int, limit_s: float) -> Lost:
        """See `Workers.cut_off`."""
        worker = self._at(ticket)
        self._let_go(worker)
        what = f"no answer within {limit_s:g} s; a worker of node {worker.node[:8]} was killed"
        return Lost(tuple(worker.tickets), what, blamed=True)

    def avoid(self, place: str) -> None:
        """See `Workers.avoid`."""
        self._avoided.add(place)
        for worker in [w for w in self._workers if w.node == place]:
            self._let_go(worker)
            if worker.tickets:
                self._events.append(Lost(tuple(worker.tickets), f"a worker of node {place} was let go", blamed=False))
        self._take_census()

    def close(self) -> None:
        """See `Workers.close`."""
        for worker in list(self._workers):
            self._let_go(worker)
        if self._joined:
            self._joined = False
            self._ray.shutdown()

    def _hear(self, call: Any) -> list[Event]:
        worker, ticket = self._calls.pop(call)
        try:
            said = self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            return [self._lost(worker, error)]
        if ticket == _OPEN:
            kind, worker.node, reason = said
            worker.ready = kind == "ready"
            if worker.ready and worker.node not in self._avoided:
                return []
            self._let_go(worker)
            return [NotOpened((), f"node {worker.node[:8]}: {reason}")] if reason else []
        seconds = self._answered(worker, ticket)
        if said[0] == "done":
            return [Answered(ticket, said[1], seconds)]
        return [Failed(ticket, f"{said[1]} (node {worker.node[:8]})", said[2], worker.node)]

    def _lost(self, worker: _Worker, error: Exception) -> Event:
        """A worker has died, or its node has: nothing that it had comes any more."""
        self._let_go(worker)
        alive = {node["NodeID"] for node in self._nodes()}
        with_its_node = worker.ready and worker.node not in alive
        what = "its node is gone" if with_its_node else _why(error)
        return Lost(tuple(worker.tickets), f"a worker of node {worker.node[:8] or '?'} died: {what}", not with_its_node)

    def _let_go(self, worker: _Worker) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
        self._calls = {call: (w, t) for call, (w, t) in self._calls.items() if w is not worker}
        with suppress(Exception):  # it may be dead, and the cluster gone
            self._ray.kill(worker.actor)

    def _take_census(self) -> None:
        """Ask for the workers that are wanted and not there."""
        self._counted_at = time.monotonic()
        room = sum(self._fit(node["Resources"]) for node in self._nodes())
        # Asked at every count: a node that died counts as alive for some seconds, so what seemed left may be none.
        self._stranded = bool(self._avoided) and not room
        if self._stranded:
            return
        wanted = self._count or room
        if not wanted and not self._workers and not self._count:
            needs = ", ".join(f"{name} {value:g}" for name, value in self._needs.items() if value)
            _log.warning("no node of the cluster has %s for a worker; waiting for one that has", needs)
        options = self._options
        if self._avoided:
            options = {**options, "label_selector": {"ray.io/node-id": f"!in({','.join(sorted(self._avoided))})"}}
        while len(self._workers) < wanted:
            worker = _Worker(self._class.options(**options).remote(self._step))
            self._workers.append(worker)
            self._calls[worker.actor.open.remote()] = worker, _OPEN

    def _fit(self, resources: dict[str, float]) -> int:
        return fit(resources, self._needs)

    def _nodes(self) -> list[dict[str, Any]]:
        """Those that are alive and not avoided."""
        try:
            nodes = self._ray.nodes()
        except (ConnectionError, self._ray.exceptions.RaySystemError) as error:
            raise _silent(error) from error
        return [node for node in nodes if node["Alive"] and node["NodeID"] not in self._avoided]


def _why(error: Exception) -> str:
    """Ray tells the story of a death in ten lines; this is what they say."""
    text = " ".join(str(error).split())
    found = re.search(r"Worker exit type: (\w+).*?(exit code \d+|connection error code \d+|exit code=\S+)", text)
    return f"{found[1]}, {found[2]}" if found else text[:200]


def fit(resources: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """How many workers a node has room for.

    >>> fit({"CPU": 8.0, "GPU": 1.0}, {"CPU": 1.0, "GPU": 0.25, "memory": 0.0})
    4
    """
    return int(min((resources.get(name, 0.0) / need + 1e-9 for name, need in needs.items() if need), default=0))


def room(address: str, *, cpus: float, gpus: float, memory_gb: float) -> int:
    """How many workers a cluster has room for, as it is now.

    Raises:
        ClusterError: see `join`.
    """
    import ray

    untyped: Any = ray
    joined = join(address)
    try:
        needs = {"CPU": cpus, "GPU": gpus, "memory": memory_gb * 1e9}
        return sum(fit(node["Resources"], needs) for node in untyped.nodes() if node["Alive"])
    finally:
        if joined:
            ray.shutdown()


def join(address: str) -> bool:
    """Join a Ray cluster, unless this process has; returns whether it had not.

    Raises:
        ClusterError: none answers at the address.
    """
    import ray

    if ray.is_initialized():
        return False
    before, debugger = signal.getsignal(signal.SIGTERM), os.environ.get("PYTHONBREAKPOINT")
    named = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    if named.startswith("ray://"):
        _require_client(named)
    try:
        _knock(named)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ClusterError(
            f"no Ray cluster at '{address}' ({reason}); start one with `ray start --head`, or give its address, such as"
            " ray://head:10001"
        ) from error
    if debugger is None:
        os.environ.pop("PYTHONBREAKPOINT", None)
    # Ray takes SIGTERM for itself; what its workers need is that this process ends, which they notice.
    if threading.current_thread() is threading.main_thread() and before is not None:
        signal.signal(signal.SIGTERM, before)
    return True


def _require_client(address: str) -> None:
    if find_spec("grpc") is None:
        raise ClusterError(
            f"{address} is an address of Ray Client, which needs grpcio; get it with: pip install 'ray[client]'"
        )


def _knock(address: str) -> None:
    """See that somebody listens: Ray would try for minutes.

    Raises:
        OSError: nobody does.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()


def _silent(error: Exception) -> ClusterError:
    return ClusterError(
        f"the cluster does not answer any more ({error}); what is done is safe, run the same command again to go on"
    )
