"""The reports of perception_node: what it counted and how it feels, sent to /diagnostics and to whoever started it."""

from __future__ import annotations

import time
from dataclasses import replace

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from afss_ros.nodes import service_manager
from afss_ros.nodes.perception import diagnostics
from afss_ros.nodes.perception.statistics import FrameStatistics
from afss_ros.student import Student
from afss_ros.student.providers.placement import CANNOT_TELL, CPU


class Reports:
    """Sends one report after the other, each about what happened since the last.

    Attributes:
        statistics: of the frames, since the process started.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.statistics = FrameStatistics()
        self._reported = self.statistics.snapshot()
        self._reported_at = time.monotonic()
        self._busy_s = time.process_time()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    @property
    def age_s(self) -> float:
        """Seconds since the last report."""
        return time.monotonic() - self._reported_at

    def send(self, condition: diagnostics.Condition) -> None:
        """Publish a report, and feed the watchdog of the service manager unless a frame is stalled."""
        now, before = self.statistics.snapshot(), self._reported
        condition = replace(condition, more=(*condition.more, *self._cost(now.processed - before.processed)))
        level, message = diagnostics.assess(condition, now, before)
        name = f"{self._node.get_fully_qualified_name().lstrip('/')}: perception"
        stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(diagnostics.diagnostic_array(name, level, message, condition, now, stamp))
        self._reported, self._reported_at = now, time.monotonic()
        if not condition.stalled:
            service_manager.notify("WATCHDOG=1", f"STATUS={message}")

    def _cost(self, frames: int) -> tuple[tuple[str, str], ...]:
        """Processors that this process kept busy since the last report, all its threads together, and for how long
        each frame did; what there is to know of its power where nobody measures it."""
        used_s = (busy_s := time.process_time()) - self._busy_s
        self._busy_s = busy_s
        cores = used_s / max(self.age_s, 1e-3)
        return (
            ("cpu.cores", f"{cores:.3f}"),
            ("cpu.s_per_frame", f"{used_s / frames:.4f}" if frames else "unknown"),
        )


def model_facts(student: Student | None) -> tuple[tuple[str, str], ...]:
    """Which student flies, and on what, by key; empty without one."""
    if student is None:
        return ()
    return (
        ("provider", student.provider),
        ("model.path", str(student.path)),
        ("model.sha256", student.sha256),
        ("model.family", student.contract.family),
        ("model.manifest", "none" if student.manifest is None else "agrees"),
        *((("memory.not_held", student.not_held),) if student.not_held else ()),
        *((f"provider.passed_over.{name}", reason) for name, reason in student.passed_over.items()),
        ("provider.binding", student.binding),
        *((("provider.batch", str(student.batch)),) if student.batch > 1 else ()),
        *_placement(student),
    )


def _placement(student: Student) -> tuple[tuple[str, str], ...]:
    placed = student.placement
    if placed is None:
        return (("provider.placement", f"unknown: {CANNOT_TELL}"),)
    on_cpu = placed.operators(CPU)
    return (
        ("provider.placement", str(placed)),
        ("provider.cpu_share", f"{placed.cpu_share:.4f}"),
        *((("provider.on_cpu", on_cpu),) if on_cpu and student.provider != "cpu" else ()),
    )
