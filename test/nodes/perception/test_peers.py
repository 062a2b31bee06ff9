"""Requests that no well-behaved peer sends: logged, and the node goes on."""

from __future__ import annotations

from typing import Any

import pytest
from perception_peer import Peer, PerceptionProcess
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically


@pytest.mark.parametrize("service", ["set_parameters", "set_parameters_atomically"])
def test_a_parameter_of_a_type_that_does_not_exist_ends_nothing(
    peer: Peer, perception_process: PerceptionProcess, service: str
) -> None:
    kind: Any = {"set_parameters": SetParameters, "set_parameters_atomically": SetParametersAtomically}[service]
    client = peer.node.create_client(kind, f"/perception_node/{service}")
    peer.spin_until(client.service_is_ready, service)
    before = perception_process.log.count("a callback failed")
    strange = Parameter(name="overlay.alpha", value=ParameterValue(type=10))

    def is_told() -> bool:  # one line in five seconds
        client.call_async(kind.Request(parameters=[strange]))
        peer.spin_for(0.2)
        return perception_process.log.count("a callback failed") > before

    peer.spin_until(is_told, "the request to be refused")
    assert peer.set_parameter("overlay.alpha", 0.5).successful
    assert peer.state() == "active"
    peer.node.destroy_client(client)
