"""What `make` promises about the environment that it builds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from package_metadata import ROOT

# What the Python of this test, the user or make set, and make decides on.
LEFT_OUT = {
    "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "LD_LIBRARY_PATH", "MAKEFLAGS", "MAKELEVEL",
    "PYTHONPATH",
    "ROS_DISTRO", "ROS_LOG_DIR", "VENV", "_ROS_WHEELS_BOOTSTRAP_COMPLETE",
}  # fmt: skip


def test_the_python_that_the_user_chose_reaches_the_bootstrap(tmp_path: Path) -> None:
    result = subprocess.run(
        ["make", "demo", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        env=os.environ | {"PYTHON": "/nowhere/python3.12"},
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert "/nowhere/python3.12" in result.stderr


def environment_of_recipes(**environment: str) -> dict[str, str]:
    """Return what a recipe finds in its environment, where make is called in one."""
    variables = {name: value for name, value in os.environ.items() if name not in LEFT_OUT} | environment
    result = subprocess.run(
        ["make", "--no-print-directory", "--eval", "probe: ; @env -0", "probe"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in result.stdout.decode().split("\0") if line)


def test_fast_dds_finds_the_profile_by_the_name_of_its_version() -> None:
    seen = environment_of_recipes()
    profile = str(ROOT / "config" / "fastdds_this_machine.xml")
    assert (seen["FASTRTPS_DEFAULT_PROFILES_FILE"], seen["FASTDDS_DEFAULT_PROFILES_FILE"]) == (profile, profile)
    seen = environment_of_recipes(FASTRTPS_DEFAULT_PROFILES_FILE="/mine.xml")
    assert seen["FASTDDS_DEFAULT_PROFILES_FILE"] == "/mine.xml", "what the user chose holds for both"


def test_a_python_path_is_passed_on_only_where_ros_is_sourced() -> None:
    assert "PYTHONPATH" not in environment_of_recipes(PYTHONPATH="/elsewhere")
    assert environment_of_recipes(PYTHONPATH="/opt/ros", ROS_DISTRO="jazzy")["PYTHONPATH"] == "/opt/ros"


def test_libraries_of_another_environment_are_not_handed_down(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "pyvenv.cfg").touch()
    wheels = tmp_path / "lib" / "python3.13" / "site-packages" / "ros_rclpy.libs"
    paths = f"/usr/local/lib:{tmp_path / 'lib'}:{wheels}:/opt/lib"
    seen = environment_of_recipes(LD_LIBRARY_PATH=paths, _ROS_WHEELS_BOOTSTRAP_COMPLETE="1")
    assert seen["LD_LIBRARY_PATH"] == "/usr/local/lib:/opt/lib"
    assert "_ROS_WHEELS_BOOTSTRAP_COMPLETE" not in seen


def test_without_a_home_ros_writes_its_log_into_the_checkout() -> None:
    assert environment_of_recipes(HOME="/proc/nowhere")["ROS_LOG_DIR"] == str(ROOT / "out" / "log")


def test_kilted_has_an_environment_of_its_own() -> None:
    result = subprocess.run(
        ["make", "--dry-run", "demo", "ROS_WHEELS=kilted"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "scripts/bootstrap.sh onboard .venv-kilted\n" in result.stdout
