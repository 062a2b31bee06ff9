"""How much the node does: off, survival, nominal, full. A parameter says which; a service for each mode sets it.

The newest frame wins in all of them: in survival the mailbox is emptied every few seconds, so what waits in it is
replaced by every newer image, and counted as overwritten.
"""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from afss_ros.nodes.perception.parameters import Settings
from afss_ros.student import Tiling

PARAMETER = "power.mode"
OFF, SURVIVAL, NOMINAL, FULL = MODES = ("off", "survival", "nominal", "full")


def offer(node: Node) -> None:
    """Offer `~/mode/<name>`, std_srvs/Trigger, for every mode."""
    for mode in MODES:
        node.create_service(Trigger, f"~/mode/{mode}", _setter(node, mode))


def _setter(node: Node, mode: str) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
    def set_mode(_request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        result = node.set_parameters([Parameter(PARAMETER, value=mode)])[0]
        response.success = bool(result.successful)
        response.message = f"mode {mode}" if result.successful else result.reason
        return response

    return set_mode


def tiling(settings: Settings) -> Tiling:
    """How frames are seen: in tiles where the mode is full, as the parameter says elsewhere, whole in survival."""
    mode = {FULL: "auto", SURVIVAL: "none"}.get(settings.power_mode, settings.model_tiling)
    return Tiling(mode, settings.model_tile_overlap, settings.model_max_tiles)


def period_s(settings: Settings) -> float:
    """Seconds from one frame to the next that is taken; 0 for all there is time for.

    >>> from types import SimpleNamespace
    >>> period_s(SimpleNamespace(power_mode="survival", power_survival_period=10.0))
    10.0
    """
    return settings.power_survival_period if settings.power_mode == SURVIVAL else 0.0
