"""A node loads its own dump, in any state, and still refuses what it would refuse by itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import rclpy
import yaml
from parameter_dump import dump, load_dump
from perception_peer import PATIENCE_S, Peer
from processes import python, started
from rclpy.context import Context
from rclpy.parameter import Parameter

from afss_ros.images import encode_compressed
from afss_ros.nodes.unchanged import TakesUnchanged


@pytest.mark.parametrize("state", ["unconfigured", "inactive", "active"])
def test_perception_node_loads_its_own_dump_in_every_state(peer: Peer, tmp_path: Path, state: str) -> None:
    for step in {"unconfigured": ["deactivate", "cleanup"], "inactive": ["deactivate"]}.get(state, []):
        assert peer.transition(step)
    assert peer.state() == state
    values = dump(peer, "/perception_node", tmp_path / "dump.yaml")
    # Read-only, read at configure, with a range, rclpy's own: all that is refused for different reasons is there.
    assert {"autostart", "model.path", "overlay.alpha", "use_sim_time"} <= set(values)
    assert load_dump(peer, "/perception_node", tmp_path / "dump.yaml") == {}
    assert dump(peer, "/perception_node", tmp_path / "again.yaml") == values
    assert peer.state() == state


def test_what_a_dump_changes_is_set_or_refused_as_ever(peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "dump.yaml"
    values = dump(peer, "/perception_node", path)
    changed = values | {"overlay.alpha": 0.125, "model.threads": values["model.threads"] + 1, "autostart": True}
    path.write_text(yaml.safe_dump({"/perception_node": {"ros__parameters": changed}}))
    refused = load_dump(peer, "/perception_node", path)
    assert set(refused) == {"model.threads", "autostart", "all at once"}
    assert "read at configure and the node is active" in refused["model.threads"]
    assert "read-only" in refused["autostart"]
    assert dump(peer, "/perception_node", path) == values | {"overlay.alpha": 0.125}


@contextmanager
def running(node: str, domain: int, *parameters: str) -> Iterator[Peer]:
    """A peer of a node of ours that runs with these parameters."""
    arguments = [word for parameter in parameters for word in ("-p", parameter)]
    command = python("-m", f"afss_ros.nodes.{node}.node", "--ros-args", *arguments)
    with started(command, domain=domain, stdout=subprocess.DEVNULL) as process, closing(Peer(domain)) as peer:
        yield peer
        process.terminate()
        process.wait(PATIENCE_S)


def test_source_node_loads_its_own_dump(tmp_path: Path, quiet_domain: int) -> None:
    (tmp_path / "0.png").write_bytes(encode_compressed(np.zeros((8, 8, 3), np.uint8), "png"))
    with running("source", quiet_domain, f"source:={tmp_path}", "wait_for_subscribers:=1") as peer:
        values = dump(peer, "/source_node", tmp_path / "dump.yaml")
        assert values["source"] == str(tmp_path)
        assert load_dump(peer, "/source_node", tmp_path / "dump.yaml") == {}


@pytest.mark.parametrize("topics", ["", "topics:=[/image]"])
def test_recorder_node_loads_its_own_dump(tmp_path: Path, quiet_domain: int, topics: str) -> None:
    output = f"output:={tmp_path / 'flight.mcap'}"
    with running("recorder", quiet_domain, output, *([topics] if topics else [])) as peer:
        values = dump(peer, "/recorder_node", tmp_path / "dump.yaml")
        assert values["topics"] == (["/image"] if topics else [""])
        assert load_dump(peer, "/recorder_node", tmp_path / "dump.yaml") == {}


class Adjustable(TakesUnchanged):
    """A node with a number that may be set."""


def test_only_what_is_there_already_is_passed_over(quiet_domain: int) -> None:
    context = Context()
    rclpy.init(context=context, domain_id=quiet_domain)
    node = Adjustable("adjustable", context=context)
    try:
        node.declare_parameter("number", 1)
        one, two = Parameter("number", value=1), Parameter("number", value=2)
        assert node.set_parameters_atomically([one]).successful
        assert node.set_parameters_atomically([two, one]).successful
        assert node.get_parameter("number").value == 1, "the last of two values counts"
        assert [r.successful for r in node.set_parameters([two, two])] == [True, True]
        assert node.get_parameter("number").value == 2
        for equal in (2.0, "2"):
            assert not node.set_parameters_atomically([Parameter("number", value=equal)]).successful
    finally:
        node.destroy_node()
        context.shutdown()
