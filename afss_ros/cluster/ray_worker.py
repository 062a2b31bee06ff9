"""What a Ray actor runs: a step, opened once, and the tasks of its shards."""

from __future__ import annotations

import os
import pickle
from contextlib import ExitStack
from typing import Any

from afss_ros.cluster.work import Step, said


class RayWorker:
    """A worker on some node; see `workers.Workers` for what its driver does with it."""

    def __init__(self, step: bytes) -> None:
        self._step = step
        self._stack = ExitStack()
        self._work: Any = None

    def open(self) -> tuple[str, str, str]:
        """Load what the step needs: `ready` or `unopened`, the node, and why not."""
        import ray

        from afss_ros.threads import limited

        node = str(ray.get_runtime_context().get_node_id())
        # Mesa would start a thread for every core in each worker; Ray sets OMP_NUM_THREADS by the worker's processors.
        os.environ.setdefault("LP_NUM_THREADS", "1")
        try:
            step: Step = pickle.loads(self._step)
            self._stack.enter_context(limited(int(os.environ.get("OMP_NUM_THREADS", "1"))))
            self._work = self._stack.enter_context(step.open())
        except Exception as error:
            return "unopened", node, said(error)
        return "ready", node, ""

    def do(self, task: bytes) -> tuple[Any, ...]:
        """See `processes.answer`."""
        from afss_ros.cluster.processes import answer

        return answer(self._work, task)
