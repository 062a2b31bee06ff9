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


AS_BEFORE_TRACKS: dict[str, Any] = {
    "autostart": False, "model.path": "", "model.provider": "auto", "model.threads": 0, "model.warm_up_runs": 2,
    "model.integrity": "verify", "model.prove_every": 60.0, "model.tiling": "none", "model.tile_overlap": 0.25,
    "model.max_tiles": 16, "input.image_transport": "raw", "input.reliability": "best_effort", "input.grey_bits": 16,
    "detection.score_threshold": 0.5, "detection.min_area": 16, "detections.deadline": 0.0,
    "detections.liveliness_lease": 0.0, "overlay.alpha": 0.45, "monitor.max_rate": 10.0, "monitor.frozen_after": 10.0,
    "hard_frames.record": False, "hard_frames.directory": "", "hard_frames.image_format": "jpeg",
    "hard_frames.max_mib": 256, "hard_frames.keep_free_mib": 512, "hard_frames.min_doubt": 0.5,
    "hard_frames.max_rate": 0.5, "hard_frames.min_gap": 1.0, "diagnostics.period": 1.0,
    "diagnostics.stale_after": 2.0, "watchdog.frame_limit": 0.0, "watchdog.configure_limit": 300.0,
    "watchdog.stop_limit": 5.0, "watchdog.exit": False,
}  # fmt: skip
"""A parameter file as it was before the node followed craft, with the defaults of that time."""


def test_a_parameter_file_from_before_tracks_is_still_one_and_what_came_since_is_off() -> None:
    now = {spec.name: spec.default for spec in SPECS}
    for name, value in AS_BEFORE_TRACKS.items():
        assert type(now[name]) is type(value)
        assert check([Parameter(name, value=value)], state="unconfigured").successful
    assert {name for name, value in AS_BEFORE_TRACKS.items() if now[name] != value} == {"monitor.max_rate"}
    off = {"tracking.enabled": False, "tracking.publish_tf": False, "tracking.depth": False, "target.length_m": 0.0}
    assert off.items() <= now.items() and now["cameras"] == ""


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
