"""perception_node as a program: one node, spun until a signal; the exit code says what it left behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rclpy.exceptions import ParameterException
from rclpy.logging import get_logger

from afss_ros.nodes import service_manager, spinning
from afss_ros.nodes.deadline import left_behind
from afss_ros.nodes.perception import watchdog
from afss_ros.nodes.perception.node import PerceptionNode


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM.

    Returns:
        0 then; 2 when a parameter override is refused; 3 when work that does not end was left behind, in which case the
        process ends within this call.
    """
    with spinning.ros(args) as stop:
        try:
            node = PerceptionNode(ending=stop.is_set, give_up=stop.set)
        except ParameterException as error:
            get_logger("perception_node").fatal(f"parameter refused: {error}")
            return 2
        try:
            service_manager.notify("READY=1")
            spinning.spin(node, stop)
        finally:
            service_manager.notify("STOPPING=1")
            node.close()
            node.destroy_node()
    if stuck := left_behind():
        get_logger("perception_node").fatal(f"ended beside threads that do not end: {', '.join(stuck)}")
        sys.stdout.flush()
        sys.stderr.flush()
        # An orderly end would tear down ONNX Runtime under a thread that is in it.
        os._exit(watchdog.EXIT_CODE)
    return 0
