"""Imports run one way, ROS stays in `nodes`, and what flies carries no training framework."""

from __future__ import annotations

from collections import Counter
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest
from package_metadata import imports, modules, room, third_party
from processes import python, run

VALUES = {"labels", "perception", "images", "camera", "spacing", "plain_yaml", "put"}
ON_BOARD = {*VALUES, "extras", "share", "student", "monitor", "overlay", "bags", "sources"}
GROUND = {*ON_BOARD, "terminal", "threads", "datasets", "cluster"}

# Who may import whom: docs/architecture, as a table.
MAY_IMPORT = {
    "__init__": set(),
    "extras": {"share"},
    "labels": set(),
    "share": set(),
    "spacing": set(),
    "plain_yaml": set(),
    "put": set(),
    "terminal": set(),
    "threads": set(),
    "perception": {"labels"},
    "camera": {"perception"},
    "images": {"labels", "perception"},
    "student": VALUES,
    "monitor": {"perception", "plain_yaml"},
    "tracking": {*VALUES, "student"},
    "downlink": {*VALUES, "bags", "tracking"},
    "refer": {*VALUES, "share", "student", "overlay", "sources", "datasets"},
    "refer_training": {*GROUND, "refer", "distill"},  # eyes that stand on a student
    "overlay": {*VALUES, "student"},
    "bags": VALUES,
    "sources": {*VALUES, "bags"},
    "run": {*ON_BOARD, "datasets", "terminal", "tracking"},
    "nodes": {
        *ON_BOARD,
        "tracking",
        "downlink",
        "run",
        "refer",
        "terminal",
        *("teacher", "labelling", "threads"),  # the labelling node
    },
    "datasets": {*VALUES, "bags"},
    "cluster": {"extras", "threads"},
    "synthetic": GROUND,
    "evaluation": {*GROUND, "downlink", "tracking", "synthetic"},
    "teacher": GROUND,
    "labelling": {*GROUND, "evaluation", "synthetic", "teacher"},
    "distill": {*GROUND, "evaluation", "synthetic"},
    "geo": {*GROUND, "teacher", "distill"},
    "loop": {*GROUND, "synthetic", "evaluation", "teacher", "labelling", "distill"},
    "cli": {
        *GROUND,
        "synthetic",
        "evaluation",
        "teacher",
        "labelling",
        "distill",
        "loop",
        "geo",
        "run",
        "refer",
        "downlink",
        "refer_training",
        "nodes",
    },
}

ROS = {
    "ament_index_python", "builtin_interfaces", "cv_bridge", "diagnostic_msgs", "geometry_msgs", "launch",
    "lifecycle_msgs", "rcl_interfaces", "rclpy", "rosgraph_msgs", "sensor_msgs", "std_msgs", "std_srvs", "vision_msgs",
    "visualization_msgs",
}  # fmt: skip
FLIES = {"numpy", "cv2", "onnxruntime", "yaml", "rosbags", "lz4", "backports"}

# Imported while the node starts, each of these costs seconds or hundreds of megabytes.
TOO_HEAVY = {
    "torch",
    "torchvision",
    "transformers",
    "timm",
    "pydantic",
    "typer",
    "matplotlib",
    "onnx",
    "scipy",
    "pandas",
}


def room_graph() -> dict[str, set[str]]:
    """Return for each room the rooms that it imports."""
    rooms = {room(module) for module in modules()}
    graph: dict[str, set[str]] = {name: set() for name in rooms}
    for module in modules():
        ours = {name.split(".")[1] for name in imports(module) if name.startswith("afss_ros.")}
        graph[room(module)] |= (ours & rooms) - {room(module)}
    return graph


def test_every_room_has_its_place_in_the_table() -> None:
    assert {room(module) for module in modules()} <= set(MAY_IMPORT)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_imports_run_one_way(name: str) -> None:
    assert room_graph().get(name, set()) <= MAY_IMPORT[name]


def test_there_is_no_cycle() -> None:
    TopologicalSorter(room_graph()).prepare()


# What a newcomer looks through for a file.
FILES_IN_A_FOLDER = 25


def test_no_folder_is_crowded() -> None:
    folders = Counter(module.parent for module in modules())
    assert {folder: count for folder, count in folders.items() if count > FILES_IN_A_FOLDER} == {}


def test_only_the_labelling_node_knows_the_ground() -> None:
    ground = {
        "cluster",
        "teacher",
        "labelling",
        "distill",
        "evaluation",
        "synthetic",
        "loop",
        "geo",
        "threads",
        "refer_training",
    }
    knowing = {
        str(module.parent)
        for module in modules()
        if room(module) == "nodes" and ground & {name.split(".")[1] for name in imports(module) if "afss_ros." in name}
    }
    assert knowing == {"afss_ros/nodes/labelling"}


@pytest.mark.parametrize("program", ["perception_node", "source_node", "recorder_node", "labelling_node"])
def test_a_node_s_program_is_a_module_too(program: str) -> None:
    # It imports nothing that could be missing: that is for `programs` to meet, and to say in one line.
    assert set(imports(Path(f"afss_ros/nodes/{program}.py"))) == {"sys", "afss_ros.nodes.programs"}
    module = import_module(f"afss_ros.nodes.{program}")
    assert module.main is getattr(import_module("afss_ros.nodes.programs"), program)


@pytest.mark.parametrize("module", [m for m in modules() if room(m) != "nodes"], ids=str)
def test_only_nodes_import_ros(module: Path) -> None:
    assert not third_party(module) & ROS


# The grammar flies; what builds and judges sets of sentences stays on the ground, in folders of its own.
FLYING = [m for m in modules() if room(m) in {*ON_BOARD, "tracking", "nodes"} or m.parent == Path("afss_ros/refer")]


@pytest.mark.parametrize("module", FLYING, ids=str)
def test_on_board_code_imports_only_what_flies(module: Path) -> None:
    assert third_party(module) <= FLIES | ({*ROS, "rich"} if room(module) == "nodes" else set())


@pytest.mark.parametrize(
    "module",
    ["afss_ros.student", "afss_ros.images", "afss_ros.refer", "afss_ros.nodes.perception.program", "afss_ros.cli"],
)
def test_import_loads_nothing_heavy(module: str) -> None:
    allowed = {"typer", "pydantic"} if module == "afss_ros.cli" else set()
    script = f"import sys, {module}; print(*sorted({TOO_HEAVY - allowed!r} & set(sys.modules)))"
    result = run(python("-c", script))
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
