"""What `ros2 param dump` and `ros2 param load` do, with the services that they call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from perception_peer import Peer
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import parameter_dict_from_yaml_file, parameter_value_to_python


def dump(peer: Peer, node: str, path: Path) -> dict[str, Any]:
    """Write every parameter of the node into a file that ROS can load; returns them."""
    listed = peer.call(ListParameters, f"{node}/list_parameters", ListParameters.Request())
    names = sorted(listed.result.names)
    got = peer.call(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=names))
    assert len(got.values) == len(names) > 0, "one parameter without a value makes ROS return none"
    values = {name: parameter_value_to_python(value) for name, value in zip(names, got.values, strict=True)}
    values = {name: value if not hasattr(value, "tolist") else value.tolist() for name, value in values.items()}
    path.write_text(yaml.safe_dump({node: {"ros__parameters": values}}))
    return values


def load_dump(peer: Peer, node: str, path: Path) -> dict[str, str]:
    """Set every parameter of the file, one by one and then all at once; returns why some were refused."""
    parameters = list(parameter_dict_from_yaml_file(str(path), target_nodes=[node]).values())
    one_by_one = peer.call(SetParameters, f"{node}/set_parameters", SetParameters.Request(parameters=parameters))
    refused = {
        parameter.name: result.reason
        for parameter, result in zip(parameters, one_by_one.results, strict=True)
        if not result.successful
    }
    request = SetParametersAtomically.Request(parameters=parameters)
    together = peer.call(SetParametersAtomically, f"{node}/set_parameters_atomically", request).result
    return refused if together.successful else refused | {"all at once": together.reason}
