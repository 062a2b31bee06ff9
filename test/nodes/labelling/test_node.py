"""labelling_node over real DDS: a bag to its end, stopped and resumed; live images, of which none is lost unnamed."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from domains import reserved_domain
from parameter_dump import dump, load_dump
from perception_peer import Peer
from processes import ROOT, finish, python, started
from rclpy.duration import Duration
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from recorded import START, picture, record
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from afss_ros.datasets import load
from afss_ros.labelling.command import label
from afss_ros.labelling.live import LiveInput
from afss_ros.labelling.manifest import read_manifest
from afss_ros.labelling.settings import load_settings
from afss_ros.nodes.messages import image_message


class LabellingPeer(Peer):
    """A peer that starts labelling_node, listens to it and operates it."""

    def __init__(self, domain: int) -> None:
        super().__init__(domain)
        self._domain = domain
        self._out = ""
        self._started = ExitStack()

    def start(self, **parameters: Any) -> subprocess.Popen[str]:
        """Start a node and listen to it alone: what a node of a test before still says of itself is not heard."""
        self._out = str(parameters.get("out", ""))
        arguments = [item for key, value in parameters.items() for item in ("-p", f"{key}:={value}")]
        command = python("-m", "afss_ros.nodes.labelling.node", "--ros-args", *arguments)
        node = started(command, domain=self._domain, changes={"OMP_NUM_THREADS": "1"})
        return self._started.enter_context(node)

    @property
    def facts(self) -> dict[str, str]:
        """What the node that was started last said last on /diagnostics; empty before it has said anything."""
        for message in reversed(self._diagnostics):
            facts = {pair.key: pair.value for pair in message.status[0].values}
            if facts["out"] == self._out:
                return facts
        return {}

    def until(self, done: Callable[[], bool]) -> None:
        try:
            self.spin_until(done, "labelling_node", patience_s=150.0)
        except AssertionError as error:
            raise AssertionError(f"{error}, which says {self.facts}") from None

    def trigger(self, service: str) -> bool:
        return bool(self.call(Trigger, f"/labelling_node/{service}", Trigger.Request()).success)

    def forget(self) -> None:
        """Kill what was started too: a node that outlives a failed test would take the images of the tests after it."""
        self._started.close()
        super().forget()


@pytest.fixture(scope="module")
def module_peer() -> Iterator[LabellingPeer]:
    with reserved_domain() as domain, closing(LabellingPeer(domain)) as made:
        yield made


@pytest.fixture
def peer(module_peer: LabellingPeer) -> Iterator[LabellingPeer]:
    yield module_peer
    module_peer.forget()


def has_lines(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def stop_midway(peer: LabellingPeer, folder: Path) -> tuple[subprocess.Popen[str], Path, Path]:
    """A node that was stopped while it labelled, its bag and its output.

    It may have labelled all before DDS has introduced it to the peer, or before it hears that it is to stop: then a
    longer bag is tried.
    """
    for frames in (24, 72, 216, 648):
        bag, out = record(folder / f"{frames}.mcap", range(frames)), folder / f"of_{frames}"
        node = peer.start(bag=bag, out=out, settings="refine.views=v1; batch=1", exit_when_done=False)
        peer.until(lambda: int(peer.facts.get("frames.kept", "0")) >= 1)
        if peer.trigger("stop"):
            peer.until(lambda: peer.facts["phase"] in ("stopped", "done"))
            if peer.facts["phase"] == "stopped" and peer.facts["frames.kept"] != str(frames):
                return node, bag, out
        node.terminate()
        finish(node)
    raise AssertionError("the node labels faster than it can be stopped")


def test_a_bag_is_labelled_as_the_command_does_it_stopped_and_resumed(peer: LabellingPeer, tmp_path: Path) -> None:
    previews = peer.hear(Image, "/labelling_node/preview", QoSProfile(depth=1))
    process, bag, out = stop_midway(peer, tmp_path)
    assert peer.trigger("resume")
    peer.until(lambda: peer.facts.get("phase") == "done")
    assert peer.facts["frames.kept"] == peer.facts["frames.expected"]
    process.terminate()
    assert finish(process)[0] == 0
    label(bag, tmp_path / "command", load_settings(None, {"refine.views": "v1", "batch": 1}))
    assert tree(out) == tree(tmp_path / "command")
    assert previews and (previews[0].width, previews[0].height, previews[0].encoding) == (128, 96, "rgb8")


def test_the_node_ends_with_its_bag_or_with_the_reason_why_not(peer: LabellingPeer, tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(2))
    code, output = finish(peer.start(bag=bag, out=tmp_path / "labels"))
    assert code == 0, output
    assert len(load(tmp_path / "labels")) == 2
    code, output = finish(peer.start(bag=tmp_path / "nowhere.mcap", out=tmp_path / "none"))
    assert code == 1 and "no source at" in output
    code, output = finish(peer.start(bag=bag))
    assert code == 2 and "out is not set" in output


def test_ctrl_c_while_a_bag_is_labelled_says_how_to_go_on_and_the_prompt_and_topics_are_the_commands(
    peer: LabellingPeer, tmp_path: Path
) -> None:
    bag = record(tmp_path / "flight.mcap", range(40), topics=("/left", "/right"))
    out = tmp_path / "labels"
    process = peer.start(bag=bag, out=out, topic="/right, /left", prompt="satellite.", settings="batch=1")
    peer.until(lambda: has_lines(out / "manifest.jsonl"))
    process.send_signal(signal.SIGINT)
    code, output = finish(process)
    assert code == 0 and f"`afss label --out {out} --finish`" in output, output
    provenance = json.loads((out / "dataset.json").read_text())["provenance"]
    assert provenance["prompts"] == {"spacecraft": ["satellite"]}
    assert provenance["input"]["topics"] == ["/right", "/left"]
    assert "'satellite' was not read" in output


def show(publisher: Publisher, indices: range) -> None:
    for index in indices:
        stamp = START + index * 100_000_000
        header = Header(frame_id="camera")
        header.stamp.sec, header.stamp.nanosec = divmod(stamp, 1_000_000_000)
        publisher.publish(image_message(picture(index), "rgb8", header))


def test_live_images_are_all_labelled_and_a_replay_repeats_nothing(peer: LabellingPeer, tmp_path: Path) -> None:
    process = peer.start(out=tmp_path / "live", settings="batch=2", labelled_bag=False)
    publisher = peer.camera()
    show(publisher, range(4))
    peer.until(lambda: peer.facts.get("frames.kept") == "4")
    show(publisher, range(6))  # the camera's bag again, a little longer
    peer.until(lambda: int(peer.facts.get("frames.kept", "0")) >= 6)
    assert peer.trigger("stop")
    peer.until(lambda: peer.facts.get("phase") == "done")
    assert peer.facts["frames.missed"] == "0"
    process.terminate()
    assert finish(process)[0] == 0
    assert [s.attributes["stamp_ns"] for s in load(tmp_path / "live")] == [START + i * 100_000_000 for i in range(6)]


@pytest.mark.parametrize(("drain_s", "kept"), [(100.0, 12), (0.0, 1)])
def test_ctrl_c_labels_what_waits_or_names_it_and_finishes_the_set(
    drain_s: float, kept: int, peer: LabellingPeer, tmp_path: Path
) -> None:
    out = tmp_path / "live"
    process = peer.start(out=out, settings="batch=1; frames.duplicates=-1", drain_s=drain_s)
    publisher = peer.camera()
    show(publisher, range(12))
    assert publisher.wait_for_all_acked(Duration(seconds=60))
    peer.until(lambda: has_lines(out / "manifest.jsonl"))
    process.send_signal(signal.SIGINT)
    code, output = finish(process)
    assert code == 0, output
    frames = json.loads((out / "summary.json").read_text())["frames"]
    assert sum(frames.values()) == 12 and frames["kept"] >= kept
    assert frames["kept"] + frames.get("missed", 0) == 12
    listed = {record["stamp_ns"] for record in read_manifest(out / "manifest.jsonl")}
    assert listed == {START + index * 100_000_000 for index in range(12)}
    assert all((out / name).exists() for name in ("report.html", "instances.json", "yolo.yaml", "labelled.mcap"))


def show_until_all_are_accounted_for(peer: LabellingPeer, publisher: Publisher, shown: int) -> int:
    """Show image after image until the node knows what became of all: a loss is known by an image after it, and that
    is lost too if DDS took the sleeping node for dead and has not found it again. Returns how many were shown."""
    due = 0.0

    def accounted_for() -> bool:
        nonlocal shown, due
        if sum(int(peer.facts.get(f"frames.{fate}", "0")) for fate in ("kept", "lost")) == shown:
            return True
        if time.monotonic() >= due:
            show(publisher, range(shown, shown + 1))
            shown += 1
            due = time.monotonic() + 3.0
        return False

    peer.until(accounted_for)
    return shown


def test_what_dds_loses_is_counted_and_named_by_the_stamps_around_it(peer: LabellingPeer, tmp_path: Path) -> None:
    """The node sleeps while a camera that remembers two images shows more than the node remembers, and then goes on:
    what was lost is known by what comes after it."""
    out = tmp_path / "live"
    process = peer.start(out=out, settings="batch=1; frames.duplicates=-1", labelled_bag=False)
    publisher = peer.camera(qos=QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE))
    show(publisher, range(1))
    peer.until(lambda: peer.facts.get("frames.kept") == "1")
    process.send_signal(signal.SIGSTOP)
    show(publisher, range(1, 121))
    process.send_signal(signal.SIGCONT)
    shown = show_until_all_are_accounted_for(peer, publisher, 121)
    process.send_signal(signal.SIGINT)
    code, output = finish(process)
    assert code == 0 and "images never arrived, between stamps" in output, output
    reasons = [r["reason"] for r in read_manifest(out / "manifest.jsonl") if r["status"] == "damaged"]
    assert reasons and sum(int(reason.split()[0]) for reason in reasons) == shown - len(load(out))


def test_what_does_not_fit_into_the_queue_is_named() -> None:
    live = LiveInput("/image", capacity=2)
    offered = [live.offer(stamp, "camera", lambda: picture(0)) for stamp in (10, 20, 30)]
    assert [frame.key if frame else None for frame in offered] == [None, None, "image_30"]
    assert [(frame.key, frame.stamp_ns, frame.source) for frame in live.missed] == [("image_30", 30, "live:/image")]
    live.end()
    assert [candidate.key for candidate in live if hasattr(candidate, "key")] == ["image_10", "image_20"]
    assert live.offer(40, "camera", lambda: picture(0)) is None and len(live.missed) == 1


def test_an_input_that_waits_ends_when_it_is_told(tmp_path: Path) -> None:
    live = LiveInput("/image", capacity=2)
    threading.Timer(0.2, live.end).start()
    assert list(live) == []


def test_the_node_loads_its_own_dump(peer: LabellingPeer, tmp_path: Path) -> None:
    peer.start(out=tmp_path / "labels", config=ROOT / "config" / "label_student.yaml", image_transport="compressed")
    values = dump(peer, "/labelling_node", tmp_path / "dump.yaml")
    assert values["image_transport"] == "compressed"
    assert load_dump(peer, "/labelling_node", tmp_path / "dump.yaml") == {}
