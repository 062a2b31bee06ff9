"""Start ROS, spin a node, and leave in order on SIGINT and SIGTERM.

rclpy's own signal handlers shut the context down first, under worker threads that still publish. Here a signal only
asks for the end: the node stops its threads and frees what it holds while ROS is still up, then the context goes.

What a peer sends must not end a node either: rclpy raises out of the executor what a callback raised, its own callbacks
included (a `set_parameters` request with a type that does not exist is enough).
"""

from __future__ import annotations

import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, ShutdownException, SingleThreadedExecutor
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from afss_ros.nodes import ending, log_files, shared_memory

_POLL_S = 0.1
"""How long a signal may go unnoticed: Python runs its handlers when the wait for work returns."""


_LOG_PERIOD_S = 5.0
_AFTER_ERROR_S = 0.01
"""A callback that raises whenever it is called must not take the whole processor."""


@contextmanager
def ros(args: Sequence[str] | None = None) -> Iterator[threading.Event]:
    """ROS within the block. Yields the event that SIGINT and SIGTERM set; a node may set it to end by itself.

    Ctrl-C under a launch file arrives twice, from the terminal and from launch. Once a signal has come, later ones are
    ignored for good: Python's own end, which nobody's handler survives, must not turn into death by signal. One that
    does not come does: see `ending`.
    """
    ending.bound_exit()
    stop = threading.Event()
    signalled = False

    def request_stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal signalled
        signalled = True
        stop.set()

    previous = {s: signal.signal(s, request_stop) for s in (signal.SIGINT, signal.SIGTERM)}
    obstacle = log_files.obstacle()
    arguments = log_files.arguments(sys.argv if args is None else args, obstacle)
    swept = shared_memory.sweep()
    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    if swept.segments:
        get_logger("afss_ros").info(
            f"took away {swept.bytes / 2**20:.0f} MiB of shared memory that {swept.segments} programs left as they died"
        )
    if obstacle:
        cure = "set ROS_LOG_DIR to a folder that can be written"
        get_logger("afss_ros").warning(f"the log is on the console alone ({obstacle}); {cure}")
    try:
        yield stop
    finally:
        with ending.bounded():
            rclpy.try_shutdown()
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_IGN if signalled else handler)


def spin(node: Node, stop: threading.Event, *others: Node) -> None:
    """Serve the callbacks of nodes, in this thread, until `stop` is set or ROS is shut down from elsewhere."""
    executor = SingleThreadedExecutor()
    for served in (node, *others):
        executor.add_node(served)
    try:
        while not stop.is_set():
            serve_once(executor, _POLL_S, node.get_logger())
    except ExternalShutdownException:
        pass
    finally:
        for served in (node, *others):
            executor.remove_node(served)
        executor.shutdown()


def destroy(*nodes: Node) -> None:
    """Take nodes off the network, once they have closed what they hold; the process ends where that does not."""
    with ending.bounded():
        for node in nodes:
            node.destroy_node()


def serve_once(executor: Executor, timeout_s: float, logger: RcutilsLogger) -> None:
    """Wait for work and do it; what a callback raises is logged with its traceback, and the node goes on.

    Raises:
        ExternalShutdownException: ROS was shut down from elsewhere.
    """
    try:
        executor.spin_once(timeout_sec=timeout_s)
    except (ExternalShutdownException, ShutdownException):
        raise
    except Exception:
        logger.error(f"a callback failed; going on:\n{traceback.format_exc()}", throttle_duration_sec=_LOG_PERIOD_S)
        time.sleep(_AFTER_ERROR_S)
