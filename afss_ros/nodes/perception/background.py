"""Work of seconds beside the executor, which goes on to serve images, parameters and reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rclpy.node import Node
from rclpy.task import Future

from afss_ros.nodes.deadline import AbandonableThread

T = TypeVar("T")


class Background:
    """Runs one thing at a time in a thread of its own, for coroutines of a node's executor.

    Args:
        node: whose executor wakes who waits.

    Attributes:
        busy: what is being done; empty for nothing.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._thread: AbandonableThread | None = None
        self.busy = ""

    async def run(self, name: str, work: Callable[[], T]) -> T:
        """Await what `work` returns or raises; call it while nothing is `busy`, in the executor's thread.

        Args:
            name: of the work, for threads and reports.
        """
        done = Future(executor=self._node.executor)

        def run() -> None:
            try:
                result = work()
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(result)

        self.busy = name
        self._thread = AbandonableThread(run, name)
        self._thread.start()
        try:
            result: T = await done
            return result
        finally:
            self.busy = ""

    def finish(self, within_s: float) -> None:
        """Wait for what is being done, for so many seconds at most."""
        if self._thread is not None:
            self._thread.join(within_s)
