"""What is missing is said in one line by every program, with the cure; what is broken speaks for itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
import without_ground
from package_metadata import ROOT, distribution_names, setup_arguments
from recorded import record

from afss_ros import extras
from afss_ros.cli.app import GROUPS, app

# A command line of each subcommand that passes its parser.
COMMANDS = {
    "ablate": ["config/ablation.yaml"],
    "arrange": ["models/student.onnx", "--out", "arranged.onnx"],
    "compare": ["evaluation.json"],
    "data check": ["set"],
    "data convert": ["set", "--out", "converted"],
    "evaluate": ["models/student.onnx", "--data", "set"],
    "export": ["run", "--out", "student.onnx"],
    "geo chip": ["scene.tif", "--out", "set"],
    "geo compare": ["scene.tif", "--labels", "buildings.geojson"],
    "geo info": ["scene.tif"],
    "geo predict": ["scene.tif", "--model", "models/student.onnx", "--out", "out.tif"],
    "geo rasterise": ["labels.geojson", "--like", "scene.tif", "--out", "mask.tif"],
    "geo refine": ["city.gpkg", "--image", "scene.tif", "--sam2", "runs/sam2", "--out", "better.gpkg"],
    "geo score": ["better.gpkg", "--truth", "buildings.geojson"],
    "geo split": ["set"],
    "geo stretch": ["scene.tif", "--out", "stretch.json"],
    "geo tune-sam2": ["set", "--out", "runs/sam2"],
    "geo vectorise": ["out.tif", "--out", "out.gpkg"],
    "label": ["demo/demo.mcap", "--out", "set"],
    "loop": ["config/loop.yaml"],
    "mine": ["set", "--model", "models/student.onnx", "--out", "mined"],
    "monitor calibrate": ["set", "--out", "limits.yaml"],
    "monitor rates": ["set"],
    "refer build": ["set", "--out", "sentences"],
    "refer chats": ["sentences", "--out", "chats"],
    "refer check": ["sentences"],
    "refer convert": ["set", "--out", "sentences"],
    "refer evaluate": ["grammar", "--data", "sentences"],
    "refer export": ["run", "--out", "refer.onnx"],
    "refer find": ["demo/demo.mcap", "the antenna"],
    "refer rewrite": ["sentences", "--endpoint", "http://localhost:1/v1"],
    "refer tune-writer": ["config/refer_writer.yaml", "--data", "chats"],
    "refer tune": ["config/refer_large.yaml", "--out", "run"],
    "refer train": ["config/refer.yaml", "--out", "run"],
    "render": ["set"],
    "search": ["config/train/search.yaml"],
    "select": ["set", "--out", "selected"],
    "train": ["config/train/student.yaml", "--out", "run"],
    "presence": ["models/student.onnx", "--data", "set", "--out", "told.onnx"],
    "weigh": ["models/student.onnx", "--data", "set", "--out", "weighed.onnx"],
    "upset": ["models/student.onnx"],
}
ON_BOARD = {
    "check-model",
    "compile",
    "downlink pack",
    "downlink read",
    "downlink tdm",
    "manifest",
    "refer ask",
    "run",
    "slot",
    "version",
}
NAMED = sorted(
    distribution_names(setup_arguments()["extras_require"]["ground"]) & without_ground.hidden_distributions()
)


def commands() -> Iterator[str]:
    for group, prefix in ((app, ""), *((group, f"{name} ") for name, group in GROUPS.items())):
        for command in group.registered_commands:
            assert command.callback is not None
            yield prefix + (command.name or command.callback.__name__.replace("_", "-"))


@pytest.fixture(scope="module")
def on_board(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return without_ground.environment(tmp_path_factory.mktemp("on_board"))


def program(code: str, *arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program of the package as its installed script does."""
    script = f"import sys; {code}; sys.exit(main())"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_every_command_has_its_command_line_here() -> None:
    assert set(commands()) == set(COMMANDS) | ON_BOARD


FORKS = """
import json, os, sys
from pathlib import Path
from afss_ros.cli import main
import afss_ros.bags, afss_ros.student  # what flies and all of them import

main(["version"])
folder = Path(sys.argv[1])
for command, words in json.loads(sys.argv[2]).items():
    child = os.fork()
    if not child:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(folder / f"{command}.{name}", os.O_CREAT | os.O_WRONLY), number)
        code = main(words)
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)  # what was imported is not taken apart again
    (folder / f"{command}.code").write_text(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
"""


@pytest.fixture(scope="module")
def said(on_board: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each command said: each in a process of its own, but of one that has imported what all of them need."""
    folder = tmp_path_factory.mktemp("said")
    lines = {command: [*command.split(), *arguments] for command, arguments in COMMANDS.items()}
    forks = [sys.executable, "-c", FORKS, str(folder), json.dumps(lines)]
    subprocess.run(forks, cwd=ROOT, env=on_board, stdout=subprocess.DEVNULL, check=True)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_every_missing_package_and_the_cure(command: str, said: Path) -> None:
    assert (said / f"{command}.code").read_text() == "1"
    assert (said / f"{command}.out").read_text() == ""
    (line,) = (said / f"{command}.err").read_text().splitlines()
    what, cure = line.removeprefix("error: not installed: ").split("; get what is missing with: ")
    assert sorted(what.split(", ")) == NAMED
    assert cure.split()[0] == "make" or cure.endswith("-m pip install 'afss_ros[ground]'")


@pytest.mark.parametrize(
    "start",
    ["from afss_ros.nodes.labelling_node import main", "from afss_ros.nodes.programs import labelling_node as main"],
)
def test_labelling_node_does_so_too(start: str, on_board: dict[str, str]) -> None:
    result = program(start, environment=on_board)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("[FATAL] [labelling_node]: not installed: ")
    assert "pycocotools" in line and "torch" in line


def test_help_needs_nothing(on_board: dict[str, str]) -> None:
    every = [[], *(name.split() for name in sorted(commands())), ["data"]]
    loop = f"codes = [main([*words, '--help']) for words in {every!r}]; sys.exit(any(codes))"
    result = program(f"from afss_ros.cli import main; {loop}", environment=on_board)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "{folder}/bag.mcap", "--out", "{folder}/out", "--formats", "coco", "--model", "{folder}/student.onnx"],
        ["manifest", "{folder}/student.onnx"],
        ["refer", "ask", "docs/demo.jpg", "the left panel", "--out", "{folder}/out"],
        ["version"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_flies_runs(arguments: list[str], on_board: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(ROOT / "models" / "student.onnx", tmp_path)
    record(tmp_path / "bag.mcap", range(3), compressed=True)
    words = [word.format(folder=tmp_path) for word in arguments]
    result = program("from afss_ros.cli import main", *words, environment=on_board)
    assert result.returncode == 0, result.stderr


BROKEN_IN_PYTHON = "raise ImportError('libcoco.so.1: cannot open shared object file')"


@pytest.mark.parametrize("file", ["pycocotools/__init__.py", f"pycocotools{EXTENSION_SUFFIXES[0]}"])
def test_a_broken_package_speaks_for_itself(file: str, on_board: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / file
    broken.parent.mkdir(exist_ok=True)
    broken.write_text(BROKEN_IN_PYTHON)  # as an extension module it is no ELF file
    environment = {**on_board, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    result = program("from afss_ros.cli import main", "data", "check", "set", environment=environment)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: pycocotools is installed but cannot be imported: ")
    assert ("libcoco.so.1: cannot open" in line) == (broken.suffix == ".py")
    assert "not installed" not in line


def failure(module: str) -> ImportError:
    with pytest.raises(ImportError) as raised:
        __import__(module)
    return raised.value


def test_a_defect_of_ours_is_no_missing_package() -> None:
    assert extras.explained(failure("afss_ros.no_such_module"), "ground") is None


def test_what_no_extra_names_is_named_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "missing", lambda extra: [])
    said = extras.explained(failure("a_dependency_of_torch"), "ground")
    assert said is not None and said.startswith("not installed: a_dependency_of_torch; ")


def test_what_everything_needs_is_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    monkeypatch.setattr(extras, "missing", lambda extra: ["torch"])
    said = extras.explained(ModuleNotFoundError("No module named 'rosbags'", name="rosbags"), "ground")
    assert said is not None and said.startswith("not installed: rosbags, torch; ")


def test_a_module_that_python_was_built_without_asks_for_another_python() -> None:
    said = extras.explained(ModuleNotFoundError("No module named '_lzma'", name="_lzma"), "ground")
    assert said == f"this Python ({sys.executable}) was built without its module _lzma; use another one"


@pytest.mark.parametrize(
    ("distribution", "cure"),
    [("jazzy", "get it with: sudo apt install ros-jazzy-vision-msgs"), (None, "source ROS 2")],
)
def test_a_ros_package_comes_from_ros(distribution: str | None, cure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    if distribution is not None:
        monkeypatch.setenv("ROS_DISTRO", distribution)
    said = extras.explained(ModuleNotFoundError("No module named 'vision_msgs'", name="vision_msgs"), "cpu")
    assert said is not None and said.startswith("the ROS package vision_msgs is not there; ")
    assert cure in said


@pytest.mark.parametrize(
    ("stamp", "ros", "venv", "cure"),
    [
        (True, False, True, "make setup VENV={prefix}"),
        (False, False, True, f"{sys.executable} -m pip install 'afss_ros[ground]'"),
        (False, True, True, f"{sys.executable} -m pip install 'afss_ros[ground]'"),
        (False, True, False, "make setup, in a checkout of afss_ros"),
    ],
)
def test_the_cure_fits_the_machine(
    stamp: bool, ros: bool, venv: bool, cure: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/usr" if venv else str(tmp_path))
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    if ros:
        monkeypatch.setenv("ROS_DISTRO", "jazzy")
    if stamp:
        (tmp_path / ".bootstrap-onboard").touch()
    said = extras.explained(ModuleNotFoundError("No module named 'x'", name="a_ground_module"), "ground")
    assert said is not None and cure.format(prefix=tmp_path) in said
