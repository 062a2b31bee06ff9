"""A rendered flight through real nodes, over real DDS, into a recording that `afss evaluate` judges by its truth."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from perception_peer import Peer
from processes import ROOT, finish, python, started

from afss_ros.bags import BagReader
from afss_ros.cli import main
from afss_ros.evaluation.tracking import truth


def test_what_a_node_told_is_judged_by_the_truth(
    peer: Peer, domain: int, rendered_flight: Path, tmp_path: Path
) -> None:
    length = truth.read(rendered_flight).lengths["1"]
    shipped = str(ROOT / "models" / "student.onnx")
    assert peer.reload(model__path=shipped, tracking__enabled=True, target__length_m=length)
    bag = tmp_path / "told.mcap"
    recorder = ["-p", f"output:={bag}"]
    source = ["-p", f"source:={rendered_flight}", "-p", "stamps:=recorded", "-p", "wait_for_subscribers:=2"]
    # Each frame is sent when the one before is answered: how fast this machine is must not matter.
    source += ["-p", "lockstep.topic:=/perception_node/bearings", "-p", "lockstep.timeout:=120.0"]
    source += ["-p", "lockstep.type:=vision_msgs/msg/Detection3DArray", "-p", "rate:=100.0"]
    with started(python("-m", "afss_ros.nodes.recorder.node", "--ros-args", *recorder), domain=domain) as recording:
        peer.spin_until(lambda: peer.node.count_subscribers("/perception_node/tracks") > 0, "the recorder")
        with started(python("-m", "afss_ros.nodes.source.node", "--ros-args", *source), domain=domain) as camera:
            code, log = finish(camera)
        assert code == 0, log
        recording.send_signal(signal.SIGTERM)
        code, log = finish(recording)
    assert code == 0, log
    with BagReader(bag) as told:
        assert told.topics["/perception_node/tracks"].count == 12
    out = tmp_path / "figures.json"
    assert main(["evaluate", "--tracking", str(bag), "--truth", str(rendered_flight), "--json", str(out)]) == 0
    document = json.loads(out.read_text())
    assert document["HOTA"] > 0.4 and document["IDF1"] > 0.5
    assert {"HOTA_95", "IDF1_95"} <= document.keys()
    assert document["bearing"][-1]["sightings"] > 4 and "within_95_95" in document["bearing"][-1]
    assert document["range"]["sightings"] > 0
