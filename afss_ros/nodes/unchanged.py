"""Parameters that may be set to what they are.

`ros2 param load` sets every parameter that `ros2 param dump` wrote. rclpy refuses the read-only ones, its own
qos_overrides among them, and we those that are read at configure, even when nothing would change; the atomic call then
changes nothing at all. With this a value that is there already is no change: a dump can be loaded in any state.
"""

from __future__ import annotations

from collections import Counter

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter


class TakesUnchanged(Node):  # type: ignore[misc]  # rclpy is untyped
    """A node that takes any value that is there already."""

    def set_parameters(self, parameter_list: list[Parameter]) -> list[SetParametersResult]:
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        # Of a name that comes twice the last value counts, so the first must not go missing: rclpy takes them in order.
        times = Counter(parameter.name for parameter in parameter_list)
        changing = [p for p in parameter_list if times[p.name] > 1 or not self._is_already(p)]
        if parameter_list and not changing:
            return SetParametersResult(successful=True)
        return super().set_parameters_atomically(changing)

    def _is_already(self, wanted: Parameter) -> bool:
        if not self.has_parameter(wanted.name):
            return False
        # As messages, which know an integer from a float and a truth from a 1.
        return bool(self.get_parameter_or(wanted.name).get_parameter_value() == wanted.get_parameter_value())
