"""perception_node as a program: one node, or one a camera, spun until a signal; the exit code says what is left."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
from rclpy.exceptions import ParameterException
from rclpy.logging import get_logger

from afss_ros.nodes import cameras, service_manager, spinning
from afss_ros.nodes.deadline import left_behind
from afss_ros.nodes.perception import watchdog
from afss_ros.nodes.perception.node import PerceptionNode
from afss_ros.student.shared import Shelf


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM.

    Returns:
        0 then; 2 when a parameter override is refused; 3 when work that does not end was left behind, in which case the
        process ends within this call.
    """
    with _one_opencv_thread(), spinning.ros(args) as stop:
        nodes: list[PerceptionNode] = []
        try:
            _make(nodes, stop)
            service_manager.notify("READY=1")
            with collected():
                spinning.spin(nodes[0], stop, *nodes[1:])
        except (ParameterException, cameras.CameraNameError) as error:
            get_logger("perception_node").fatal(f"parameter refused: {error}")
            return 2
        finally:
            service_manager.notify("STOPPING=1")
            for node in nodes:
                node.close()
            spinning.destroy(*nodes)
    if stuck := left_behind():
        get_logger("perception_node").fatal(f"ended beside threads that do not end: {', '.join(stuck)}")
        sys.stdout.flush()
        sys.stderr.flush()
        # An orderly end would tear down ONNX Runtime under a thread that is in it.
        os._exit(watchdog.EXIT_CODE)
    return 0


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Waking a second one takes longer than what it would do of a frame, and the network needs the core."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def collected() -> Iterator[None]:
    """Without what is there already in the garbage collector's rounds.

    A full round stops every thread while it looks at some 60,000 objects, nearly all of imported modules, which live as
    long as the process: 10 to 40 ms, in the middle of some frame.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _make(nodes: list[PerceptionNode], stop: threading.Event) -> None:
    """Add the nodes of this process to `nodes`, one after the other."""
    with cameras.asked() as wanted:
        if not wanted.cameras:
            nodes.append(PerceptionNode(ending=stop.is_set, give_up=stop.set))
        shelf = Shelf(len(wanted.cameras))
        for camera in wanted.cameras:
            nodes.append(
                PerceptionNode(
                    ending=stop.is_set,
                    give_up=stop.set,
                    open_student=shelf.open,
                    cli_args=camera.arguments(wanted.namespace),
                    parameter_overrides=cameras.overrides(wanted, camera),
                )
            )
