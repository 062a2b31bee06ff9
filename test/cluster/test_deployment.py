"""The files that start a cluster say only what Compose and KubeRay know, and name commands and options that exist.

The schemas here are the part of the Compose specification and of KubeRay's ray.io/v1 that the files use; both files
were held against the whole of them too.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from processes import ROOT

from afss_ros.cli.app import app

FOLDER = ROOT / "examples" / "cluster"


def closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
COUNT = {"type": "integer", "minimum": 0}
TEXT_BY_NAME = {"type": "object", "additionalProperties": TEXT}

SERVICE = closed(
    {
        "image": TEXT,
        "user": TEXT,
        "init": {"type": "boolean"},
        "shm_size": {"type": ["string", "integer"]},
        "environment": TEXT_BY_NAME,
        "volumes": {
            "type": "array",
            "items": closed({"type": {"enum": ["bind", "volume"]}, "source": TEXT, "target": TEXT}, "type"),
        },
        "command": TEXTS,
        "ports": TEXTS,
        "profiles": TEXTS,
        "healthcheck": closed({"test": TEXTS, "interval": TEXT, "timeout": TEXT, "retries": COUNT}),
        "depends_on": {
            "type": "object",
            "additionalProperties": closed(
                {"condition": {"enum": ["service_healthy", "service_started"]}}, "condition"
            ),
        },
        "deploy": closed({"replicas": COUNT, "resources": closed({"limits": closed({"memory": TEXT, "cpus": TEXT})})}),
    },
    "image",
    "command",
)
COMPOSE = {
    **closed({"name": TEXT, "services": {"type": "object", "additionalProperties": SERVICE}}, "services"),
    "patternProperties": {"^x-": {}},
}

QUANTITIES = {"type": "object", "additionalProperties": {"type": "string", "pattern": r"^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti)?$"}}
CONTAINER = closed(
    {
        "name": TEXT,
        "image": TEXT,
        "env": {"type": "array", "items": closed({"name": TEXT, "value": TEXT}, "name")},
        "envFrom": {"type": "array", "items": closed({"secretRef": closed({"name": TEXT}, "name")})},
        "resources": closed({"requests": QUANTITIES, "limits": QUANTITIES}),
        "volumeMounts": {"type": "array", "items": closed({"name": TEXT, "mountPath": TEXT}, "name", "mountPath")},
    },
    "name",
    "image",
)
POD = closed(
    {
        "spec": closed(
            {
                "containers": {"type": "array", "items": CONTAINER, "minItems": 1},
                "volumes": {
                    "type": "array",
                    "items": closed({"name": TEXT, "emptyDir": closed({"sizeLimit": TEXT})}, "name"),
                },
            },
            "containers",
        )
    },
    "spec",
)
GROUP = {
    "groupName": TEXT,
    "replicas": COUNT,
    "minReplicas": COUNT,
    "maxReplicas": COUNT,
    "rayStartParams": TEXT_BY_NAME,
    "template": POD,
}
RAY_JOB = closed(
    {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "metadata": closed({"name": TEXT}, "name"),
        "spec": closed(
            {
                "entrypoint": TEXT,
                "shutdownAfterJobFinishes": {"type": "boolean"},
                "ttlSecondsAfterFinished": COUNT,
                "backoffLimit": COUNT,
                "rayClusterSpec": closed(
                    {
                        "enableInTreeAutoscaling": {"type": "boolean"},
                        "headGroupSpec": closed({"rayStartParams": TEXT_BY_NAME, "template": POD}, "template"),
                        "workerGroupSpecs": {
                            "type": "array",
                            "items": closed(GROUP, "groupName", "maxReplicas", "minReplicas", "template"),
                        },
                    },
                    "headGroupSpec",
                ),
            },
            "entrypoint",
            "rayClusterSpec",
        ),
    },
    "apiVersion",
    "kind",
    "metadata",
    "spec",
)


def loaded(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.mark.parametrize(("name", "schema"), [("compose.yaml", COMPOSE), ("kuberay.yaml", RAY_JOB)])
def test_a_file_is_of_its_schema(name: str, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(loaded(name), schema)


@pytest.mark.parametrize("word", ["replicas", "shm_size", "healthcheck"])
def test_a_word_that_compose_does_not_know_is_refused(word: str) -> None:
    document = yaml.safe_load((FOLDER / "compose.yaml").read_text().replace(f"{word}:", f"{word}s:"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, COMPOSE)


def afss_commands() -> list[list[str]]:
    compose = loaded("compose.yaml")["services"]["label"]["command"]
    job = shlex.split(loaded("kuberay.yaml")["spec"]["entrypoint"])
    return [compose[compose.index("afss") :], job]


@pytest.mark.parametrize("command", afss_commands(), ids=["compose", "kuberay"])
def test_the_commands_in_it_are_commands_of_afss(command: list[str]) -> None:
    import typer

    assert command[:2] == ["afss", "label"]
    group: Any = typer.main.get_command(app)
    label = group.commands["label"]
    parsed = label.make_context("label", command[2:]).params
    assert parsed["cluster"] == "auto" and parsed["source"] and parsed["out"]


def test_nothing_is_reported_to_anybody() -> None:
    services = loaded("compose.yaml")["services"].values()
    assert all(service["environment"]["RAY_USAGE_STATS_ENABLED"] == "0" for service in services)
    spec = loaded("kuberay.yaml")["spec"]["rayClusterSpec"]
    pods = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for pod in pods:
        (container,) = pod["template"]["spec"]["containers"]
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]


def test_the_folder_is_the_one_that_the_page_names() -> None:
    page = (ROOT / "docs" / "cluster.md").read_text()
    assert all(f"examples/cluster/{path.name}" in page for path in FOLDER.iterdir() if path.is_file())
    assert Path(FOLDER, "compose.yaml").is_file()
