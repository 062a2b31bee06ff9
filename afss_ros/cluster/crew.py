"""Who is to do the work: this process, so many of this machine, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from afss_ros.cluster.drive import Driver
from afss_ros.cluster.patience import Patience
from afss_ros.cluster.processes import Processes
from afss_ros.cluster.work import ClusterError, Done, Outcome, Shard, Step, Tally
from afss_ros.cluster.workers import Workers
from afss_ros.extras import explained


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does the work.

    Attributes:
        cluster: a Ray cluster's address, `auto` for the one that this machine is part of; None for this machine alone.
        workers: how many; 0 is as many as the cluster has room for, nodes that join later too, and one on this machine.
        cpus, gpus: of each worker, on a cluster; a fraction of a GPU is shared.
        memory_gb: of each worker, on a cluster; 0 does not say.
        timeout_s: seconds that a shard may take before its worker is killed; 0 for as long as it likes, None for what
            `patience.Patience` learns from those that are done.
    """

    cluster: str | None = None
    workers: int = 0
    cpus: float = 1.0
    gpus: float = 0.0
    memory_gb: float = 0.0
    timeout_s: float | None = None

    def __post_init__(self) -> None:
        if self.workers < 0 or self.cpus < 0 or self.gpus < 0 or self.memory_gb < 0:
            raise ClusterError(
                f"workers, cpus, gpus and memory are 0 or more; got {self.workers}, {self.cpus}, {self.gpus},"
                f" {self.memory_gb}"
            )
        if self.timeout_s is not None and not self.timeout_s >= 0:
            raise ClusterError(f"a shard may take 0 seconds (no limit) or more; got {self.timeout_s}")
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise ClusterError(f"a worker gets a fraction of one GPU, or whole ones; got {self.gpus}")

    @property
    def alone(self) -> bool:
        """Whether this process does the work by itself; with a limit of time it has somebody whom it can stop."""
        return self.cluster is None and self.workers <= 1 and not self.timeout_s

    def count(self) -> int:
        """How many workers there are; of a cluster that is as large as it likes, how many it has room for now.

        Raises:
            ClusterError: there is no such cluster.
        """
        if self.workers or self.cluster is None:
            return max(1, self.workers)
        _require_ray()
        from afss_ros.cluster.on_ray import room

        return room(self.cluster, cpus=self.cpus, gpus=self.gpus, memory_gb=self.memory_gb)

    def run(
        self, step: Step, shards: Iterable[Shard], told: Callable[[Tally], None] = lambda tally: None
    ) -> Iterator[Outcome]:
        """Do shards in any order; alone, in their order, and an error of the step is raised as it is.

        Args:
            told: how the work stands, each time that this may have changed; never where this process works alone.

        Raises:
            ClusterError: it cannot go on; see `Driver.run`.
        """
        if self.alone:
            with step.open() as work:
                for shard in shards:
                    yield Done(shard, work(shard.task))
            return
        with self.driver(step) as driver:
            for outcome in driver.run(shards):
                told(driver.tally)
                if outcome is not None:
                    yield outcome

    @contextmanager
    def driver(self, step: Step) -> Iterator[Driver]:
        """Workers that have the step, and who drives them; at the end they are gone.

        Raises:
            ClusterError: there is no such cluster.
        """
        workers = self._workers(step)
        try:
            yield Driver(workers, Patience(self.timeout_s))
        finally:
            workers.close()

    def _workers(self, step: Step) -> Workers:
        if self.cluster is None:
            return Processes(step, max(1, self.workers))
        _require_ray()
        from afss_ros.cluster.on_ray import OnRay

        return OnRay(step, self.cluster, self.workers, cpus=self.cpus, gpus=self.gpus, memory_gb=self.memory_gb)


def _require_ray() -> None:
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise ClusterError(f"--cluster needs Ray: {explained(error, 'cluster') or error}") from error
