"""The lifecycle node that survives its operator, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import rclpy
from rclpy.context import Context
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from afss_ros.nodes.lifecycle import OperableLifecycleNode, transition


class Fragile(OperableLifecycleNode):
    def __init__(self, context: Context) -> None:
        super().__init__("fragile", context=context)
        self.reasons: list[str] = []

    @transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        raise RuntimeError("no fuel")

    def transition_failed(self, reason: str) -> None:
        self.reasons.append(reason)


@pytest.fixture
def context(domain: int) -> Iterator[Context]:
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    yield context
    context.shutdown()


def test_what_a_transition_raises_is_logged_reported_and_undone(
    context: Context, capfd: pytest.CaptureFixture[str]
) -> None:
    node = Fragile(context)
    assert node.trigger_configure() == TransitionCallbackReturn.ERROR
    assert node.state_label == "unconfigured"
    assert node.reasons == ["on_configure: RuntimeError: no fuel"]
    assert 'raise RuntimeError("no fuel")' in capfd.readouterr().err
    node.destroy_node()
