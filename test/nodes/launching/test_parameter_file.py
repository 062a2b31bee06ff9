"""A parameter file means the node that is launched, and ROS agrees."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from afss_ros.nodes.launching import LaunchError, ParameterFile, full_name

NODE = "/chaser/perception_node"


def write(folder: Path, text: str) -> Path:
    path = folder / "flight.yaml"
    path.write_text(dedent(text))
    return path


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("", "/n"),
        ("/", "/n"),
        ("chaser", "/chaser/n"),
        ("/chaser/", "/chaser/n"),
        ("a/b", "/a/b/n"),
        ("/x//y", "/x/y/n"),
    ],
)
def test_full_names(namespace: str, expected: str) -> None:
    assert full_name(namespace, "n") == expected


def seen_by_ros(path: Path, node: str, domain: int) -> dict[str, object]:
    """The parameters that a node of this name has when it is given the file."""
    namespace, _, name = node.rpartition("/")
    context = Context()
    rclpy.init(args=["--ros-args", "--params-file", str(path)], context=context, domain_id=domain)
    made = Node(name, namespace=namespace, context=context, automatically_declare_parameters_from_overrides=True)
    try:
        return {name: made.get_parameter(name).value for name in made.list_parameters([], 0).names}
    finally:
        made.destroy_node()
        context.shutdown()


def test_a_plain_key_is_the_node_in_its_namespace(tmp_path: Path, quiet_domain: int) -> None:
    path = write(
        tmp_path,
        """
        perception_node:  # ours, in any namespace
          ros__parameters:
            model: {path: "2024", threads: 3}
            overlay.alpha: 1e-1
        somebody_else: {ros__parameters: {model.threads: 9}}
        """,
    )
    assert "model.path" not in seen_by_ros(path, NODE, quiet_domain), "ROS does by itself what we do for it"
    read = ParameterFile.read(path, NODE)
    assert read.changed and read.misspelt == {}
    path.write_text(read.text)
    seen = seen_by_ros(path, NODE, quiet_domain)
    # As they were written: a text of digits, and a float that YAML 1.1 takes for a text.
    assert (seen["model.path"], seen["model.threads"], seen["overlay.alpha"]) == ("2024", 3, 0.1)


@pytest.mark.parametrize(
    "full",
    ["/chaser/perception_node: {ros__parameters: {b: 2}}", "chaser: {perception_node: {ros__parameters: {b: 2}}}"],
)
@pytest.mark.parametrize("first", [True, False])
def test_the_full_name_has_the_last_word(tmp_path: Path, quiet_domain: int, full: str, first: bool) -> None:
    plain = "perception_node: {ros__parameters: {a: 1, b: 1, c: 1}}"
    lines = ["/**: {ros__parameters: {a: 0, c: 0}}", *([full, plain] if first else [plain, full])]
    path = write(tmp_path, "\n".join(lines))
    path.write_text(ParameterFile.read(path, NODE).text)
    seen = seen_by_ros(path, NODE, quiet_domain)
    assert (seen["a"], seen["b"], seen["c"]) == (1, 2, 1)


@pytest.mark.parametrize(
    "key",
    [
        "/**",
        "/**/perception_node",
        "/*/perception_node",
        "/chaser/*",
        "/chaser/perception_node",
        "chaser/perception_node",
    ],
)
def test_a_key_that_ros_finds_by_itself_is_left_alone(tmp_path: Path, quiet_domain: int, key: str) -> None:
    path = write(tmp_path, f"{key}: {{ros__parameters: {{overlay: {{alpha: 0.25}}}}}}  # comment")
    read = ParameterFile.read(path, NODE)
    assert (read.text, read.changed) == (path.read_text(), False)
    assert seen_by_ros(path, NODE, quiet_domain)["overlay.alpha"] == 0.25


def test_in_the_root_namespace_a_plain_key_is_ros_own(tmp_path: Path) -> None:
    path = write(tmp_path, "perception_node: {ros__parameters: {overlay.alpha: 0.25}}")
    assert not ParameterFile.read(path, "/perception_node").changed


def test_nothing_for_the_node_is_an_error_that_names_the_keys(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        /target/perception_node: {ros__parameters: {overlay.alpha: 0.25}}
        deputy: {camera: {ros__parameters: {rate: 1}}}
        """,
    )
    with pytest.raises(LaunchError) as refused:
        ParameterFile.read(path, NODE)
    assert str(refused.value) == (
        f"params_file {path} has nothing for {NODE}: its keys are /target/perception_node, deputy/camera;"
        f" write perception_node or {NODE}"
    )


def test_a_key_that_is_nearly_the_node_is_told_of(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        /**: {ros__parameters: {overlay.alpha: 0.25}}
        preception_node: {ros__parameters: {overlay.alpha: 0.5}}
        /target/perception_node: {ros__parameters: {overlay.alpha: 0.5}}
        controller_server: {ros__parameters: {frequency: 20.0}}
        """,
    )
    assert ParameterFile.read(path, NODE).misspelt == {"preception_node": NODE}


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    path = write(tmp_path, "# all by default")
    assert ParameterFile.read(path, NODE) == ParameterFile(path.read_text(), changed=False, misspelt={})


@pytest.mark.parametrize("text", ["- a list", "perception_node: [", "perception_node: {ros__parameters: }}"])
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(LaunchError, match=f"params_file {path}"):
        ParameterFile.read(path, NODE)
    with pytest.raises(LaunchError, match=f"params_file {tmp_path}/none.yaml cannot be read"):
        ParameterFile.read(tmp_path / "none.yaml", NODE)
