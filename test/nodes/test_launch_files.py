"""The launch and view files name only what exists; and where ROS's launch is installed, they bring the node up."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from perception_peer import ROOT, Peer

from afss_ros.nodes.labelling import parameters as labelling_parameters
from afss_ros.nodes.perception import parameters
from afss_ros.nodes.source import parameters as source_parameters

LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))
PARAMETERS = {
    "labelling_node": {spec.name for spec in labelling_parameters.SPECS},
    "perception_node": {spec.name for spec in parameters.SPECS},
    "source_node": {spec.name for spec in source_parameters.SPECS},
}
TOPICS = {"/image", "/camera_info", "/diagnostics"} | {
    f"/perception_node/{name}" for name in ("detections", "mask", "overlay", "label_info")
}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def calls(module: ast.Module, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in call.keywords if k.arg == name), None)


def test_there_are_launch_files() -> None:
    assert [p.name for p in LAUNCH_FILES] == [
        "labelling.launch.py",
        "perception.launch.py",
        "replay.launch.py",
        "source.launch.py",
    ]


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda p: p.name)
def test_every_file_that_a_launch_file_names_is_shipped(path: Path) -> None:
    chains = re.findall(r'SHARE((?: / "[^"]+")+)', path.read_text())
    assert chains
    for chain in chains:
        assert ROOT.joinpath(*re.findall(r'"([^"]+)"', chain)).is_file(), chain


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda p: p.name)
def test_every_argument_is_described_and_declared_before_it_is_read(path: Path) -> None:
    module = tree(path)
    declared = set()
    for call in calls(module, "DeclareLaunchArgument"):
        assert isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
        declared.add(call.args[0].value)
        assert keyword(call, "description") is not None, f"{call.args[0].value!s} has no description"
    read = set(re.findall(r'(?:value\((?:context, )?|LaunchConfiguration\()"([a-z_]+)"', path.read_text()))
    assert read <= declared


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda p: p.name)
def test_nodes_exist_and_have_the_parameters_that_they_are_given(path: Path) -> None:
    module = tree(path)
    setup = (ROOT / "setup.py").read_text()
    for call in calls(module, "Node", "LifecycleNode"):
        executable = keyword(call, "executable")
        assert isinstance(executable, ast.Constant) and isinstance(executable.value, str)
        if executable.value == "rviz2":
            continue
        assert f'"{executable.value}": "afss_ros.' in setup
        given = keyword(call, "parameters")
        assert given is not None
        names = {
            k.value for d in ast.walk(given) if isinstance(d, ast.Dict) for k in d.keys if isinstance(k, ast.Constant)
        }
        assert names <= PARAMETERS[executable.value] | {"use_sim_time"}
    for assigned in ast.walk(module):
        if isinstance(assigned, ast.Assign) and ast.unparse(assigned.targets[0]) == "given":
            assert isinstance(assigned.value, ast.Dict)
            assert {ast.literal_eval(k) for k in assigned.value.keys if k} <= PARAMETERS["perception_node"]


def test_the_views_show_topics_that_exist() -> None:
    rviz = yaml.safe_load((ROOT / "config" / "perception.rviz").read_text())
    shown = {display["Topic"]["Value"] for display in rviz["Visualization Manager"]["Displays"]}
    assert shown == {"/image", "/perception_node/overlay", "/perception_node/mask"}
    layout = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())
    text = json.dumps(layout["configById"])
    assert set(re.findall(r'"(?:imageTopic|calibrationTopic|topicPath|topicToRender)": "([^"]+)"', text)) <= TOPICS
    assert {s for s in strings(ast.parse(repr(layout["layout"]))) if "!" in s} == set(layout["configById"])


def test_the_dds_profile_holds_several_large_images_and_is_the_default() -> None:
    space = {"d": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}
    profile = ET.parse(ROOT / "config" / "fastdds.xml").getroot()
    shared = next(
        t
        for t in profile.iterfind(".//d:transport_descriptor", space)
        if t.findtext("d:type", namespaces=space) == "SHM"
    )
    largest = 1920 * 1200 * 3
    assert int(shared.findtext("d:maxMessageSize", "0", space)) > largest
    assert int(shared.findtext("d:segment_size", "0", space)) > 4 * largest
    participant = profile.find(".//d:participant", space)
    assert participant is not None and participant.get("is_default_profile") == "true"
    used = {t.text for t in participant.iterfind(".//d:userTransports/d:transport_id", space)}
    assert used == {
        t.findtext("d:transport_id", "", space) for t in profile.iterfind(".//d:transport_descriptor", space)
    }


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An install prefix whose afss_ros is this checkout."""
    share, programs = tmp_path / "share" / "afss_ros", tmp_path / "lib" / "afss_ros"
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    for folder in (share, programs, index):
        folder.mkdir(parents=True)
    (index / "afss_ros").touch()
    for name in ("config", "launch", "models", "package.xml"):
        (share / name).symlink_to(ROOT / name)
    program = programs / "perception_node"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m afss_ros.nodes.perception.node "$@"\n')
    program.chmod(0o755)
    return tmp_path


@pytest.mark.skipif(importlib.util.find_spec("launch_ros") is None, reason="PyPI has no launch; ROS machines do")
def test_launch_configures_and_activates_the_node_in_a_namespace(prefix: Path, domain: int, tiny_student: Path) -> None:
    script = (
        "import sys; from launch import LaunchService, LaunchDescription;"
        "from launch.actions import IncludeLaunchDescription;"
        "s = LaunchService();"
        "s.include_launch_description(LaunchDescription([IncludeLaunchDescription(sys.argv[1],"
        " launch_arguments=[a.split(':=') for a in sys.argv[2:]])])); sys.exit(s.run())"
    )
    arguments = [f"model:={tiny_student}", "namespace:=chaser", "image:=/eye/image_raw", "log_level:=warn"]
    launched = subprocess.Popen(
        [sys.executable, "-c", script, str(ROOT / "launch" / "perception.launch.py"), *arguments],
        env={
            **os.environ,
            "AMENT_PREFIX_PATH": f"{prefix}{os.pathsep}{os.environ['AMENT_PREFIX_PATH']}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "ROS_DOMAIN_ID": str(domain),
        },
    )
    peer = Peer(domain)
    try:
        reports = peer.hear(DiagnosticArray, "/diagnostics")

        def active() -> bool:
            own = [s for m in reports for s in m.status if s.name == "chaser/perception_node: perception"]
            values = {v.key: v.value for v in own[-1].values} if own else {}
            return values.get("state") == "active" and values["input.topic"] == "/eye/image_raw"

        peer.spin_until(active, "the launched node to be active")
    finally:
        launched.send_signal(signal.SIGINT)
        code = launched.wait(20)
        peer.close()
    assert code == 0
