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
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from perception_peer import PATIENCE_S, ROOT, Peer, craft_image, image_message
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python
from tiny_students import build_hanging_student

from afss_ros.images import encode_compressed
from afss_ros.labels import CLASS_NAMES, color_table
from afss_ros.nodes import launching
from afss_ros.nodes.labelling import parameters as labelling_parameters
from afss_ros.nodes.launching import full_name
from afss_ros.nodes.perception import parameters
from afss_ros.nodes.source import parameters as source_parameters

LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))
SHARED = Path(launching.__file__).with_name("launch_file.py")
PARAMETERS = {
    "labelling_node": {spec.name for spec in labelling_parameters.SPECS},
    "perception_node": {spec.name for spec in parameters.SPECS},
    "source_node": {spec.name for spec in source_parameters.SPECS},
}
TOPICS = {"/image", "/camera_info", "/diagnostics"} | {
    f"/perception_node/{name}" for name in ("detections", "mask", "overlay", "label_info", "tracks")
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


@pytest.mark.parametrize(
    "path", [*LAUNCH_FILES, Path(launching.__file__).with_name("launch_file.py")], ids=lambda p: p.name
)
def test_every_file_that_a_launch_file_names_is_shipped(path: Path) -> None:
    for chain in re.findall(r'SHARE((?: / "[^"]+")+)', path.read_text()):
        assert ROOT.joinpath(*re.findall(r'"([^"]+)"', chain)).is_file(), chain


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda p: p.name)
def test_every_argument_is_described_and_declared_before_it_is_read(path: Path) -> None:
    module = tree(path)
    declared = set()
    for call in calls(module, "DeclareLaunchArgument"):
        assert isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
        declared.add(call.args[0].value)
        assert keyword(call, "description") is not None, f"{call.args[0].value!s} has no description"
    text = path.read_text()
    read = set(re.findall(r'value\(context, "([a-z_]+)"\)', text))
    if "parameter_file(context" in text:
        read |= {"params_file", "namespace"}
    for assigned in ast.walk(module):
        if isinstance(assigned, ast.Assign) and ast.unparse(assigned.targets[0]) == "passed":
            read |= set(ast.literal_eval(assigned.value))
    assert read <= declared


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda p: p.name)
def test_every_launch_file_ends_its_arguments_with_itself(path: Path) -> None:
    module = tree(path)
    (made,) = [f for f in module.body if isinstance(f, ast.FunctionDef) and f.name == "generate_launch_description"]
    (last,) = [statement for statement in made.body if isinstance(statement, ast.Return)]
    assert isinstance(last.value, ast.Call) and ast.unparse(last.value.func) == "description"
    assert ast.unparse(last.value.args[0]) == "ARGUMENTS"


def test_source_is_passed_every_argument_that_it_has() -> None:
    """What is not passed would be taken from whatever an earlier include left."""
    (passed,) = [
        set(ast.literal_eval(a.value))
        for a in ast.walk(tree(ROOT / "launch" / "perception.launch.py"))
        if isinstance(a, ast.Assign) and ast.unparse(a.targets[0]) == "passed"
    ]
    declared = {
        ast.literal_eval(call.args[0])
        for call in calls(tree(ROOT / "launch" / "source.launch.py"), "DeclareLaunchArgument")
    }
    assert passed | {"source"} == declared


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


@pytest.mark.parametrize(("node", "variable"), [("perception_node", "given"), ("labelling_node", "names")])
def test_arguments_that_become_parameters_are_parameters(node: str, variable: str) -> None:
    module = tree(ROOT / "launch" / f"{node.removesuffix('_node')}.launch.py")
    (assigned,) = [
        a.value for a in ast.walk(module) if isinstance(a, ast.Assign) and ast.unparse(a.targets[0]) == variable
    ]
    assert isinstance(assigned, ast.Dict | ast.Tuple)
    names = [k for k in assigned.keys if k] if isinstance(assigned, ast.Dict) else assigned.elts
    assert {ast.literal_eval(name) for name in names} <= PARAMETERS[node]


def test_the_views_show_topics_that_exist() -> None:
    rviz = yaml.safe_load((ROOT / "config" / "perception.rviz").read_text())
    shown = {d["Topic"]["Value"] for d in rviz["Visualization Manager"]["Displays"] if "Topic" in d}
    assert shown == {"/image", *(f"/perception_node/{name}" for name in ("overlay", "mask", "markers"))}
    layout = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())
    text = json.dumps(layout["configById"])
    named = r'"(?:imageTopic|calibrationTopic|topicPath|topicToRender)": "([^"]+)"'
    assert set(re.findall(named, text)) <= {*TOPICS, "/studio_script/mask"}
    assert list(layout["configById"]["3D!craft"]["topics"]) == ["/perception_node/markers"]
    assert {s for s in strings(ast.parse(repr(layout["layout"]))) if "!" in s} == set(layout["configById"])


def test_foxglove_s_script_undoes_the_runs_that_the_node_sends_in_our_colours() -> None:
    layout = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())
    (script,) = layout["userNodes"].values()
    source = script["sourceCode"]
    assert 'inputs = ["/perception_node/mask/runs"]' in source and 'output = "/studio_script/mask"' in source
    colors = json.loads(re.findall(r"COLORS = (.*);", source)[0])
    assert colors == color_table()[: len(colors)].tolist() and len(colors) > max(CLASS_NAMES)


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
    prefix = tmp_path / "prefix"
    share, programs = prefix / "share" / "afss_ros", prefix / "lib" / "afss_ros"
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    for folder in (share, programs, index):
        folder.mkdir(parents=True)
    (index / "afss_ros").touch()
    for name in ("config", "launch", "models", "package.xml"):
        (share / name).symlink_to(ROOT / name)
    for node in ("perception", "source"):
        program = programs / f"{node}_node"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m afss_ros.nodes.{node}_node "$@"\n')
        program.chmod(0o755)
    return prefix


LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription

service = LaunchService(argv=sys.argv[2:])
arguments = [word.split(":=", 1) for word in sys.argv[2:]]
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(sys.argv[1], launch_arguments=arguments)])
)
sys.exit(service.run())
"""
"""As `ros2 launch` does it."""

with_launch = pytest.mark.skipif(
    importlib.util.find_spec("launch_ros") is None, reason="launch_ros is missing: PyPI has none; ROS machines do"
)


class Launched:
    """A launch file that runs, and a peer of its nodes."""

    def __init__(self, prefix: Path, domain: int, path: Path, *arguments: str) -> None:
        self._prefix = f"AMENT_PREFIX_PATH={prefix}".encode()
        self.peer = Peer(domain)
        self._reports = self.peer.hear(DiagnosticArray, "/diagnostics")
        self._log = (prefix / "log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(path), *arguments],
            env={
                **os.environ,
                "AMENT_PREFIX_PATH": f"{prefix}{os.pathsep}{os.environ['AMENT_PREFIX_PATH']}",
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
                "ROS_DOMAIN_ID": str(domain),
            },
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Launched:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.end()
        self.peer.close()
        self._log.close()
        left = list(self._left_behind())
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, "the launch has ended, and processes of its nodes run on"

    def _left_behind(self) -> Iterator[int]:
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # ended meanwhile, or somebody else's
                if self._prefix in environment.read_bytes():
                    yield int(environment.parent.name)

    def end(self) -> int:
        """End the launch as Ctrl-C does; returns its exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(PATIENCE_S)

    def wait(self) -> tuple[int, str]:
        """Wait until the launch ends by itself; returns exit code and log."""
        code = self._process.wait(2 * PATIENCE_S)
        self._log.seek(0)
        return code, self._log.read()

    def reported(self, status: str) -> dict[str, str]:
        """The last values that a node reported under this name."""
        own = [s for message in self._reports for s in message.status if s.name == status]
        return {pair.key: pair.value for pair in own[-1].values} if own else {}

    def forget_reports(self) -> None:
        """Let `reported` know only what is said from now on."""
        self._reports.clear()

    def stalled(self, status: str) -> list[str]:
        """A list that holds a node's message once it says that a frame is stalled."""
        told: list[str] = []

        def hear(message: DiagnosticArray) -> None:
            told.extend(s.message for s in message.status if s.name == status and s.message.startswith("stalled"))

        self.peer.node.create_subscription(DiagnosticArray, "/diagnostics", hear, 10)
        return told

    def pids(self, program: str) -> set[int]:
        """The processes of a program of this launch."""
        own = set()
        for pid in self._left_behind():
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                own |= {pid} if f"afss_ros.nodes.{program}".encode() in words[:3] else set()
        return own

    def until_active(self, node: str) -> dict[str, str]:
        """Wait until a perception node perceives; returns what it reports."""
        status = f"{node.lstrip('/')}: perception"
        self.peer.spin_until(lambda: self.reported(status).get("state") == "active", f"{node} to be active")
        return self.reported(status)

    def parameter(self, node: str, name: str) -> Any:
        request = GetParameters.Request(names=[name])
        (value,) = self.peer.call(GetParameters, f"{node}/get_parameters", request).values
        return parameter_value_to_python(value)


@with_launch
def test_launch_configures_and_activates_the_node_in_a_namespace(
    prefix: Path, quiet_domain: int, tiny_student: Path
) -> None:
    parameters = prefix / "flight.yaml"
    parameters.write_text("perception_node: {ros__parameters: {overlay.alpha: 0.125}}")
    arguments = [f"model:={tiny_student}", "namespace:=chaser", "image:=/eye/image_raw", "log_level:=warn"]
    path = ROOT / "launch" / "perception.launch.py"
    with Launched(
        prefix, quiet_domain, path, *arguments, f"params_file:={parameters}", "use_sim_time:=True"
    ) as launched:
        assert launched.until_active("/chaser/perception_node")["input.topic"] == "/eye/image_raw"
        assert launched.parameter("/chaser/perception_node", "overlay.alpha") == 0.125
        assert launched.parameter("/chaser/perception_node", "use_sim_time") is True
        assert launched.end() == 0


@with_launch
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSEGV, "hang"])
def test_a_node_that_dies_or_hangs_is_active_again(
    blow: signal.Signals | str, prefix: Path, quiet_domain: int, tmp_path: Path
) -> None:
    parameters = tmp_path / "flight.yaml"
    parameters.write_text(
        "perception_node: {ros__parameters: {model.threads: 1, watchdog.frame_limit: 0.5, watchdog.stop_limit: 0.5}}"
    )
    path = ROOT / "launch" / "perception.launch.py"
    model = build_hanging_student(tmp_path / "hanging.onnx")
    with Launched(
        prefix, quiet_domain, path, f"model:={model}", f"params_file:={parameters}", "respawn:=true"
    ) as launched:
        launched.until_active("/perception_node")
        first = launched.pids("perception_node")
        camera = launched.peer.camera()
        if isinstance(blow, signal.Signals):
            for pid in first:
                os.kill(pid, blow)
        else:
            white = image_message(np.full((64, 64, 3), 255, np.uint8), launched.peer.now())
            launched.peer.show(camera, white, launched.stalled("perception_node: perception"))
        launched.peer.spin_until(lambda: bool(launched.pids("perception_node") - first), "a second process")
        launched.forget_reports()
        assert launched.until_active("/perception_node")["frames.processed"] == "0"
        assert not launched.pids("perception_node") & first
        assert launched.end() == 0


TWO_INCLUDES = """
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, LogInfo
from launch.substitutions import LaunchConfiguration

def generate_launch_description():
    left = dict(namespace="left", source={source!r}, image="/left/raw", loop="True", rate="20", model={model!r})
    right = dict(namespace="right", model={model!r})
    return LaunchDescription([
        IncludeLaunchDescription({path!r}, launch_arguments=left.items()),
        IncludeLaunchDescription({path!r}, launch_arguments=right.items()),
        LogInfo(msg=["image is still ", LaunchConfiguration("image")]),
    ])
"""


@with_launch
def test_two_plain_includes_leave_each_other_alone(
    prefix: Path, quiet_domain: int, tiny_student: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "2024"  # launch_ros must not make a number of it
    pictures.mkdir()
    (pictures / "0.png").write_bytes(encode_compressed(craft_image(), "png"))
    both = tmp_path / "both.launch.py"
    path = str(ROOT / "launch" / "perception.launch.py")
    both.write_text(TWO_INCLUDES.format(source=str(pictures), model=str(tiny_student), path=path))
    with Launched(prefix, quiet_domain, both) as launched:
        assert launched.until_active("/left/perception_node")["input.topic"] == "/left/raw"
        assert launched.until_active("/right/perception_node")["input.topic"] == "/right/image"
        launched.peer.spin_until(lambda: launched.reported("left/source_node: source") != {}, "the left source")
        names = {full_name(space, name) for name, space in launched.peer.node.get_node_names_and_namespaces()}
        assert {name for name in names if name.endswith("source_node")} == {"/left/source_node"}
        assert launched.end() == 0
        assert "image is still /left/raw" in launched.wait()[1]


@with_launch
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["source:=/nope"], "no source at /nope; give a folder of pictures, a video, or a rosbag2 bag"),
        (["source:={broken}"], "source_node-1 ended with exit code 1"),
        (["source:={pictures}", "model:=/nope.onnx"], "/perception_node cannot be configured"),
        (["source:={pictures}", "loop:=perhaps"], "loop must be true or false"),
        (["source:={pictures}", "params_file:={broken}"], "params_file {broken}"),
    ],
)
def test_a_replay_that_cannot_be_ends_with_its_reason(
    prefix: Path, quiet_domain: int, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    (tmp_path / "broken.mcap").write_text("no bag")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").write_bytes(encode_compressed(craft_image(), "png"))
    places = {"broken": tmp_path / "broken.mcap", "pictures": tmp_path / "pictures"}
    filled = [argument.format(**places) for argument in arguments]
    with Launched(prefix, quiet_domain, ROOT / "launch" / "replay.launch.py", *filled) as launched:
        code, log = launched.wait()
    assert code == 1, log
    assert reason.format(**places) in log


@with_launch
@pytest.mark.parametrize("name", ["perception", "replay"])
def test_every_argument_is_shown(prefix: Path, name: str) -> None:
    script = (
        "import sys; from launch.launch_description_sources import get_launch_description_from_any_launch_file as read;"
        "print(*[argument.name for argument in read(sys.argv[1]).get_launch_arguments()])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "launch" / f"{name}.launch.py")],
        env={**os.environ, "AMENT_PREFIX_PATH": f"{prefix}{os.pathsep}{os.environ['AMENT_PREFIX_PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    declared = {
        ast.literal_eval(call.args[0])
        for path in (ROOT / "launch" / f"{part}.launch.py" for part in ("perception", "source", name))
        for call in calls(tree(path), "DeclareLaunchArgument")
    }
    assert {"rate", "loop"} < declared == set(shown)
    assert len(shown) == len(declared)
