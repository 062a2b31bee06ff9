"""package.xml and setup.py tell the truth: they validate, and they cover what the code imports and installs."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from catkin_pkg.package import parse_package
from package_metadata import (
    ROOT,
    distribution_names,
    modules,
    modules_of_tests,
    room,
    rosdep_keys,
    setup_arguments,
    third_party,
)

# Distributions whose name is not that of the module.
DISTRIBUTIONS = {
    "skimage": "scikit-image",
    "PIL": "pillow",
    "backports": "backports-zstd",
    "cv2": "opencv-python-headless",
    "faster_coco_eval": "faster-coco-eval",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "yaml": "pyyaml",
    "ultralytics": "ultralytics-opencv-headless",  # the same package, without a second OpenCV
}

# The rosdep keys of pip packages; what is missing here has none and comes with one that has.
ROSDEP = {
    "cv2": "python3-opencv",
    "numpy": "python3-numpy",
    "onnxruntime": "python3-onnxruntime-pip",
    "rich": "python3-rich",
    "rosbags": "python3-rosbags-pip",
    "typer": "python3-typer",
    "yaml": "python3-yaml",
}

ROS_MODULES = {name for module in modules() if room(module) == "nodes" for name in third_party(module)} - {
    *ROSDEP,
    *DISTRIBUTIONS,
}
ON_BOARD_TESTS = {"bags", "downlink", "monitor", "nodes", "run", "sources", "student", "tracking"}
GROUND_ROOMS = {
    "cluster", "geo", "datasets", "synthetic", "evaluation", "teacher", "labelling", "distill", "loop", "refer_training"
}  # fmt: skip


def is_on_board(test: Path) -> bool:
    """Whether a test runs where only what flies is installed."""
    needs_more = test.parts[2:3] == ("ground",) or test.parts[:3] == ("test", "nodes", "labelling")
    return bool(ON_BOARD_TESTS & set(test.parts[1:2])) and not needs_more


def shared() -> dict[str, str]:
    """Return source file -> folder of the install space, of all data files."""
    return {name: folder for folder, names in setup_arguments()["data_files"] for name in names}


def test_package_xml_validates() -> None:
    warnings: list[str] = []
    package = parse_package(str(ROOT / "package.xml"), warnings=warnings)
    assert warnings == []
    assert (package.name, package.package_format, package.licenses) == ("afss_ros", 3, ["Apache-2.0"])
    assert package.get_build_type() == "ament_python"


def test_package_xml_and_setup_py_agree() -> None:
    package = parse_package(str(ROOT / "package.xml"))
    arguments = setup_arguments()
    assert (package.name, package.version) == (arguments["name"], arguments["version"])


@pytest.mark.parametrize("name", sorted(ROS_MODULES))
def test_ros_import_is_a_dependency(name: str) -> None:
    assert name in rosdep_keys()


@pytest.mark.parametrize("name", ["launch", "launch_ros", "ros2launch"])
def test_what_launch_files_need_is_a_dependency(name: str) -> None:
    assert name in rosdep_keys()


@pytest.mark.parametrize("name", ROSDEP)
def test_on_board_import_has_its_rosdep_key(name: str) -> None:
    assert ROSDEP[name] in rosdep_keys()


@pytest.mark.parametrize("module", modules(), ids=str)
def test_every_import_is_required_by_setup_py(module: Path) -> None:
    arguments = setup_arguments()
    extras = arguments["extras_require"]
    required = distribution_names([*arguments["install_requires"], *extras["cpu"]])
    if room(module) in GROUND_ROOMS:
        brought = ("ground", "geo", "refer", "cluster", "sam2", "ultralytics", "rfdetr", "writer")
        required |= distribution_names([requirement for extra in brought for requirement in extras[extra]])
    used = {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in third_party(module) - ROS_MODULES}
    assert used <= required


@pytest.mark.parametrize("module", [m for m in modules_of_tests() if is_on_board(m)], ids=str)
def test_on_board_test_needs_no_ground_package(module: Path) -> None:
    # The second environment (make test-matrix) has the extras `cpu` and `test` alone.
    arguments = setup_arguments()
    extras = arguments["extras_require"]
    required = distribution_names([*arguments["install_requires"], *extras["cpu"], *extras["test"]])
    used = {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in third_party(module) - ROS_MODULES}
    assert used <= required


def test_cpu_and_gpu_are_alternatives() -> None:
    extras = setup_arguments()["extras_require"]
    assert distribution_names(extras["cpu"]) == {"onnxruntime"}
    assert distribution_names(extras["gpu"]) == {"onnxruntime-gpu"}
    others = {name for key, names in extras.items() if key not in {"cpu", "gpu"} for name in distribution_names(names)}
    assert not others & {"onnxruntime", "onnxruntime-gpu"}


@pytest.mark.parametrize("top", ["launch", "config", "models"])
def test_every_file_is_installed(top: str) -> None:
    files = [path.relative_to(ROOT) for path in (ROOT / top).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert files
    assert {str(path): shared().get(str(path)) for path in files} == {
        str(path): f"share/afss_ros/{path.parent}" for path in files
    }


def test_package_is_on_the_ament_index() -> None:
    assert shared()["package.xml"] == "share/afss_ros"
    assert shared()["resource/afss_ros"] == "share/ament_index/resource_index/packages"


@pytest.mark.parametrize("script", setup_arguments()["entry_points"]["console_scripts"])
def test_console_script_names_a_function(script: str) -> None:
    module, function = script.partition("= ")[2].split(":")
    assert callable(getattr(importlib.import_module(module), function))
