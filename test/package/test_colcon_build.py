"""A colcon build inside a virtual environment gives programs that start in that environment."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import processes
import pytest
from package_metadata import ROOT

SOURCES = [
    "afss_ros",
    "launch",
    "config",
    "models",
    "resource",
    "package.xml",
    "setup.py",
    "setup.cfg",
    "pyproject.toml",
    "conftest.py",
    "test",
]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    result = processes.run(command, cwd=cwd, changes=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A colcon workspace with a copy of the checkout, as `git clone` into `src` would leave it."""
    root = tmp_path_factory.mktemp("workspace")
    source = root / "src" / "afss_ros"
    source.mkdir(parents=True)
    for name in SOURCES:
        origin = ROOT / name
        copy = shutil.copytree if origin.is_dir() else shutil.copy2
        copy(origin, source / name)
    shutil.copytree(ROOT / "interfaces", source / "interfaces")
    return root


@pytest.fixture(scope="module")
def install(workspace: Path) -> Path:
    """The install space, built by the colcon of this environment although the environment is not activated."""
    environment = {"VIRTUAL_ENV": "", "COLCON_LOG_PATH": str(workspace / "log")}
    run(sys.executable, "-m", "colcon", "build", "--event-handlers", "console_direct-", cwd=workspace, **environment)
    return workspace / "install"


def test_colcon_sees_one_ament_python_package(workspace: Path) -> None:
    assert run(sys.executable, "-m", "colcon", "list", cwd=workspace).split() == [
        "afss_ros", "src/afss_ros", "(ros.ament_python)",
    ]  # fmt: skip


@pytest.mark.parametrize("script", ["afss", "demo", "perception_node", "recorder_node", "source_node"])
def test_program_starts_the_python_of_the_environment(install: Path, script: str) -> None:
    first_line = (install / "afss_ros" / "lib" / "afss_ros" / script).read_text().splitlines()[0]
    assert first_line == f"#!{sys.executable}"


def test_program_runs_from_the_install_space(install: Path, tmp_path: Path) -> None:
    output = run("bash", "-c", f". {install}/setup.bash && {install}/afss_ros/lib/afss_ros/afss --help", cwd=tmp_path)
    assert "Usage" in output


def test_code_and_files_are_those_of_the_install_space(install: Path, tmp_path: Path) -> None:
    script = (
        "import afss_ros.student; from ament_index_python import get_package_share_directory as share;"
        "print(afss_ros.student.__file__, share('afss_ros'))"
    )
    # Not from the checkout: neither its folder nor the editable install of it.
    command = f'. {install}/setup.bash && cd {tmp_path} && {sys.executable} -c "{script}"'
    module, folder = run("bash", "-c", command, cwd=tmp_path, PYTHONPATH="").split()
    assert Path(module).is_relative_to(install)
    assert Path(folder) == install / "afss_ros" / "share" / "afss_ros"
    assert (Path(folder) / "launch" / "perception.launch.py").is_file()
    assert not list(install.rglob("vision_msgs"))


def test_files_beside_the_code_are_installed(install: Path) -> None:
    package = next(install.rglob("afss_ros/__init__.py")).parent
    files = [path.relative_to(ROOT / "afss_ros") for path in (ROOT / "afss_ros").rglob("*") if path.is_file()]
    assert [str(path) for path in files if path.suffix != ".pyc" and not (package / path).exists()] == []


def test_colcon_test_runs_our_tests(workspace: Path, install: Path) -> None:
    colcon = f"{sys.executable} -m colcon"
    log = {"VIRTUAL_ENV": "", "COLCON_LOG_PATH": str(workspace / "log")}
    chosen = f"{colcon} test --event-handlers console_direct- --pytest-args test/test_spacing.py"
    run("bash", "-c", f". {install}/setup.bash && {chosen}", cwd=workspace, **log)
    summary = run(*colcon.split(), "test-result", "--all", cwd=workspace, **log)
    counts = re.findall(r"(\d+) (tests|errors|failures|skipped)", summary.splitlines()[-1])
    assert {what: int(count) for count, what in counts[1:]} == {"errors": 0, "failures": 0, "skipped": 0}, summary
    assert int(counts[0][0]) > 0
