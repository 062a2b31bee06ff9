"""What a parameter of a node is: the row of the table from which it is declared, described and checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

Value = bool | int | float | str


class Takes(Enum):
    """When a new value takes effect, and so when it may be set."""

    ANY_TIME = "at once"
    CONFIGURE = "at configure"
    START = "at start"


@dataclass(frozen=True, slots=True)
class Spec:
    """One parameter: its default fixes its type; `low` and `high` are inclusive."""

    name: str
    default: Value
    takes: Takes
    description: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def descriptor(spec: Spec) -> ParameterDescriptor:
    """What `ros2 param describe` tells of a parameter."""
    described = ParameterDescriptor(
        name=spec.name,
        description=f"{spec.description} Takes effect {spec.takes.value}.",
        additional_constraints=f"One of: {', '.join(spec.choices)}." if spec.choices else "",
        read_only=spec.takes is Takes.START,
        # YAML, and so every command line of ROS, reads a bare `off` as false.
        dynamic_typing="off" in spec.choices,
    )
    if spec.low is not None and spec.high is not None:
        if isinstance(spec.default, float):
            described.floating_point_range = [FloatingPointRange(from_value=float(spec.low), to_value=float(spec.high))]
        else:
            described.integer_range = [IntegerRange(from_value=int(spec.low), to_value=int(spec.high), step=1)]
    return described
