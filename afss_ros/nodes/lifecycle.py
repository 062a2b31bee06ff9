"""rclpy's lifecycle node, made safe to operate.

Two traps of rclpy (seen in 7.1) are closed here:
    - a change_state request that the current state does not allow raises out of the executor and ends the process;
      here it is refused, with `success: false` and a log line;
    - an exception in a transition callback vanishes (rclpy #1673); here its traceback is logged first.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.service import Service

from afss_ros.nodes.unchanged import TakesUnchanged

_N = TypeVar("_N", bound="OperableLifecycleNode")
Transition = Callable[[_N, LifecycleState], TransitionCallbackReturn]


def transition(method: Transition[_N]) -> Transition[_N]:
    """Decorate a transition callback: what it raises is logged, reported to `transition_failed`, and an ERROR."""

    @functools.wraps(method)
    def logged(self: _N, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return method(self, state)
        except Exception as error:
            self.get_logger().error(f"{method.__name__} raised:\n{traceback.format_exc()}")
            self.transition_failed(f"{method.__name__}: {type(error).__name__}: {error}")
            return TransitionCallbackReturn.ERROR

    return logged


class OperableLifecycleNode(TakesUnchanged, LifecycleNode):  # type: ignore[misc]  # rclpy is untyped
    """A lifecycle node that survives its operator, and starts itself when asked to."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        service: Service = self._service_change_state
        service.callback = self._refuse_what_the_state_forbids(service.callback)

    @property
    def state_label(self) -> str:
        """The lifecycle state: unconfigured, inactive, active, finalized, or a transition's name."""
        return str(self._state_machine.current_state[1])

    def transition_failed(self, reason: str) -> None:
        """Told about every exception that a transition raised."""

    def start_by_itself(self) -> None:
        """Configure and activate as soon as the node spins, unless somebody else was faster."""
        timer = self.create_timer(0.0, lambda: start())

        def start() -> None:
            timer.cancel()
            if self.state_label != "unconfigured":
                return
            if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
                self.trigger_activate()

    def _refuse_what_the_state_forbids(
        self, change_state: Callable[[ChangeState.Request, ChangeState.Response], ChangeState.Response]
    ) -> Callable[[ChangeState.Request, ChangeState.Response], ChangeState.Response]:
        def answer(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
            allowed = {t[0]: t[1] for t in self._state_machine.available_transitions}
            wanted = request.transition
            if wanted.label not in allowed.values() if wanted.label else wanted.id not in allowed:
                self.get_logger().error(
                    f"transition {wanted.label or wanted.id!r} refused: the node is {self.state_label}, which allows"
                    f" {', '.join(f'{label} ({number})' for number, label in allowed.items())}"
                )
                response.success = False
                return response
            return change_state(request, response)

        return answer
