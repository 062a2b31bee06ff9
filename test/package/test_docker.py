"""The images and the graph of containers, as far as no engine is needed: docs/docker.md says what was run with one."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from package_metadata import ROOT, setup_arguments

from afss_ros.nodes.perception import parameters as perception
from afss_ros.nodes.source import parameters as source

TARGETS = ("onboard", "ground")
IN_THE_IMAGE = "/opt/afss_ros/"
COMPILERS = re.compile(r"\bg\+\+|\bgcc\b|build-essential|-dev\b|\bpip\b")


@dataclass
class Stage:
    """One `FROM ... AS name` with its instructions, as (keyword, rest)."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def rests(self, keyword: str) -> list[str]:
        return [rest for word, rest in self.instructions if word == keyword]


def dockerfile() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name] = Stage(name, base)
        elif keyword and stages:
            stages[next(reversed(stages))].instructions.append((keyword, rest))
    return stages


def ancestry(target: str) -> list[Stage]:
    """A stage and those that it is built on, the newest first."""
    stages, chain = dockerfile(), []
    while target in stages:
        chain.append(stages[target])
        target = chain[-1].base
    return chain


def context() -> set[str]:
    """The names at the root of the checkout that .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    assert "*" in lines, "everything is left out unless it is named"
    return {line[1:] for line in lines if line.startswith("!")}


def test_what_the_context_names_exists() -> None:
    assert {name for name in context() if not (ROOT / name).exists()} == set()


def test_the_context_has_what_is_installed() -> None:
    installed = {name.split("/")[0] for _, names in setup_arguments()["data_files"] for name in names}
    used = {"afss_ros", "setup.py", "setup.cfg", "scripts", "requirements", "interfaces"}
    assert installed | used <= context()


def test_the_context_is_small() -> None:
    assert not context() & {".git", ".venv", "docs", "out", "runs", "test"}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_built_from_stages_that_are_there(target: str) -> None:
    stages = dockerfile()
    assert ancestry(target)[-1].base == "${BASE}"
    for stage in ancestry(target):
        for copied in stage.rests("COPY"):
            origin = re.match(r"--from=(\S+)", copied)
            assert origin and origin.group(1) in stages


@pytest.mark.parametrize("target", TARGETS)
def test_what_runs_is_no_root_and_compiles_nothing(target: str) -> None:
    chain = ancestry(target)
    user = chain[0].rests("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number, which Kubernetes can tell from root"
    assert [rest for stage in chain for rest in stage.rests("RUN") if COMPILERS.search(rest)] == []


def test_versions_agree() -> None:
    (label,) = (rest for rest in dockerfile()["afss"].rests("ARG") if rest.startswith("VERSION="))
    assert label == f"VERSION={setup_arguments()['version']}"


@pytest.mark.parametrize("command", [["false"], ["sh", "-c", 'exit "$#"', "sh", "a b", "c"]])
def test_the_entry_point_starts_the_command_as_it_is_given(command: list[str]) -> None:
    (entry,) = dockerfile()["afss"].rests("ENTRYPOINT")
    script = ROOT / yaml.safe_load(entry)[0].removeprefix(IN_THE_IMAGE)
    environment = {name: value for name, value in os.environ.items() if name != "ROS_DISTRO"}
    expected = subprocess.run(command, check=False).returncode
    assert subprocess.run([str(script), *command], env=environment, check=False).returncode == expected


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


def words(service: dict[str, Any]) -> Iterator[str]:
    """The command's words, with the defaults of the variables in them."""
    for word in service["command"]:
        yield re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", word)


# Of the Compose specification, what this file uses.
KEYS = {
    "build", "command", "depends_on", "environment", "image", "init", "ipc", "network_mode", "profiles", "restart",
    "shm_size", "stop_grace_period", "user", "volumes",
}  # fmt: skip


@pytest.mark.parametrize("name", services())
def test_a_service_is_well_formed(name: str) -> None:
    service = services()[name]
    assert set(service) <= KEYS
    assert service["build"]["target"] in TARGETS
    assert service["image"] == f"afss_ros:{service['build']['target']}"
    assert set(service["build"]["args"]) == {"BASE"}
    assert set(service.get("depends_on", ())) <= set(services())


@pytest.mark.parametrize("name", services())
def test_who_shares_a_network_shares_the_memory_too(name: str) -> None:
    # Fast DDS takes one network for one machine, and sends through shared memory that the other cannot see.
    service = services()[name]
    shared = service.get("network_mode")
    assert shared is None or service["ipc"] == shared
    if shared and shared.startswith("service:"):
        assert services()[shared.removeprefix("service:")]["ipc"] == "shareable"


@pytest.mark.parametrize("name", services())
def test_a_service_starts_a_program_of_ours_with_files_that_are_there(name: str) -> None:
    programme, *arguments = words(services()[name])
    scripts = {line.partition(" = ")[0] for line in setup_arguments()["entry_points"]["console_scripts"]}
    assert programme in scripts
    paths = [found for word in arguments for found in re.findall(rf"{IN_THE_IMAGE}(\S+)", word)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


PARAMETERS = {
    "perception_node": {spec.name for spec in perception.SPECS} | {"use_sim_time"},
    "recorder_node": {"output", "topics"},
    "source_node": {spec.name for spec in source.SPECS},
}


@pytest.mark.parametrize("name", [name for name, service in services().items() if "--ros-args" in service["command"]])
def test_a_node_knows_the_parameters_that_it_is_given(name: str) -> None:
    programme, *arguments = words(services()[name])
    pairs = itertools.pairwise(arguments)
    given = {value.partition(":=")[0] for option, value in pairs if option == "-p"}
    assert given <= PARAMETERS[programme]


def test_the_replay_plays_what_the_checkout_has() -> None:
    camera = services()["camera"]
    assert "${AFSS_DATA:-./demo}:/data:ro" in camera["volumes"]
    (played,) = (word.partition(":=")[2] for word in words(camera) if word.startswith("source:="))
    assert (ROOT / played.replace("/data/", "demo/").lstrip("/")).is_file()
