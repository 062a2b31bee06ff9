"""The parameters' table, the yaml and the documentation say the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from processes import ROOT
from rclpy.parameter import Parameter

from afss_ros.nodes.parameter_specs import Takes
from afss_ros.nodes.perception.parameters import SPECS, check


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def test_the_yaml_has_every_parameter_with_its_default() -> None:
    text = (ROOT / "config" / "perception.yaml").read_text()
    values = flatten(yaml.safe_load(text)["/**/perception_node"]["ros__parameters"])
    assert values == {spec.name: spec.default for spec in SPECS}
    assert all(type(values[spec.name]) is type(spec.default) for spec in SPECS)


def test_the_yaml_describes_every_parameter() -> None:
    lines = (ROOT / "config" / "perception.yaml").read_text().splitlines()
    for spec in SPECS:
        leaf = spec.name.rsplit(".", 1)[-1]
        above = [lines[i - 1].strip() for i, line in enumerate(lines) if re.match(rf"\s+{leaf}: \S", line)]
        assert above and all(line.startswith("#") for line in above), f"no comment above {spec.name}"


def test_the_documentation_lists_every_parameter_with_its_default() -> None:
    text = (ROOT / "docs" / "ros.md").read_text()
    table = dict(re.findall(r"^\| `([a-z0-9_.]+)` \| `([^`]*)` \|", text, re.MULTILINE))
    assert table == {
        spec.name: f'"{spec.default}"' if spec.default == "" else str(spec.default).lower() for spec in SPECS
    }


@pytest.mark.parametrize(
    ("name", "value", "state", "reason"),
    [
        ("model.provider", "gpu", "unconfigured", "must be one of auto, cpu, cuda, tensorrt, openvino, got 'gpu'"),
        ("model.provider", "cpu", "inactive", "read at configure and the node is inactive"),
        ("model.provider", "cpu", "unconfigured", ""),
        ("overlay.alpha", 0.5, "active", ""),
        ("power.mode", False, "active", ""),  # what YAML reads a bare `off` as
        ("power.mode", True, "active", "must be one of off, survival, nominal, full, got True"),
        ("model.provider", False, "unconfigured", "must be one of"),
        ("somebody.elses", 1, "active", ""),
    ],
)
def test_values_are_checked_against_choices_and_state(name: str, value: object, state: str, reason: str) -> None:
    result = check([Parameter(name, value=value)], state=state)
    assert result.successful == (reason == "")
    assert reason in result.reason


def test_ranges_contain_their_defaults_and_only_start_parameters_are_fixed() -> None:
    for spec in SPECS:
        if spec.low is not None and spec.high is not None:
            assert isinstance(spec.default, (int, float))
            assert spec.low <= spec.default <= spec.high, spec.name
    assert {spec.name for spec in SPECS if spec.takes is Takes.START} == {"autostart", "cameras", "diagnostics.period"}
