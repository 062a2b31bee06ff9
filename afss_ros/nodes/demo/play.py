"""Play a source through the perception node: two processes, and the demo's own node that records them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from afss_ros.nodes.demo import graph
from afss_ros.nodes.demo.children import Child
from afss_ros.nodes.demo.errors import DemoError
from afss_ros.nodes.demo.graph import DemoGraph
from afss_ros.nodes.demo.ledger import Ledger
from afss_ros.nodes.demo.settings import Options, Plan
from afss_ros.nodes.source.node import PLAYED, SOME_UNREADABLE

_START_S = 60.0
_SETTLE_S = 10.0
_NO_LIMIT_S = float("inf")
_REMAPPINGS = {"image": graph.IMAGE, "camera_info": graph.CAMERA_INFO}
_QUEUE = 50
_SUBSCRIBERS = 2
"""The perception node and the recorder."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a demo's processes leave behind.

    Attributes:
        ledger: where every frame went.
        report: the perception node's last diagnostics, by key.
        fps: results per second.
        overlays: pictures recorded.
        source_code: exit code of the source: all played, or some inputs unreadable.
    """

    ledger: Ledger
    report: dict[str, str]
    fps: float
    overlays: int
    source_code: int


def play(options: Options, todo: Plan, node: DemoGraph, stop: threading.Event, show: Callable[[str], None]) -> Played:
    """Start the perception node, then the source; wait for the end and for every frame's fate.

    Args:
        show: told, some 20 times a second, what is going on.

    Raises:
        DemoError: a process failed, with the end of its log.
        KeyboardInterrupt: `stop` was set.
    """
    with _perception(options, todo) as perception:

        def watch(doing: str) -> Callable[[], None]:
            def tick() -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                if perception.exit_code is not None:
                    raise DemoError(f"the perception node ended ({perception.exit_code}):\n{perception.last_words()}")
                show(doing)

            return tick

        _wait_until_active(node, perception, watch("loading the student"))
        with _source(options, todo) as source:
            node.spin_until(lambda: source.exit_code is not None, _NO_LIMIT_S, tick=watch("perceiving"))
            if source.exit_code not in (PLAYED, SOME_UNREADABLE):
                raise DemoError(f"the source failed ({source.exit_code}):\n{source.last_words()}")
            source_code = source.exit_code
        ended = time.monotonic()
        # When it does not settle, the ledger says what is missing.
        node.spin_until(lambda: _settled(node, ended), _SETTLE_S, tick=watch("waiting for the last results"))
        code = perception.stop()
        if code != 0:
            raise DemoError(f"the perception node did not end well ({code}):\n{perception.last_words()}")
    return Played(_ledger(node), node.report(graph.PERCEPTION), node.fps, node.recorded(graph.OVERLAY), source_code)


def _perception(options: Options, todo: Plan) -> Child:
    parameters: dict[str, str | int | float | bool] = {
        "autostart": True,
        "model.path": str(Path(options.model).absolute()) if Path(options.model).is_file() else options.model,
        "model.provider": options.provider,
        "input.reliability": "reliable",
        "input.image_transport": "compressed" if todo.compressed else "raw",
        # DDS would keep the newest image only, and drop others uncounted while the machine is busy elsewhere.
        f"qos_overrides.{graph.image_topic(todo.compressed)}.subscription.depth": _QUEUE,
    }
    return Child("perception_node", parameters, _REMAPPINGS, options.out)


def _source(options: Options, todo: Plan) -> Child:
    parameters: dict[str, str | int | float | bool] = {
        "source": str(options.source),
        "topic": options.topic or "",
        "rate": float(todo.rate_hz),
        "stamps": "now",
        "image_transport": "compressed" if todo.compressed else "raw",
        "wait_for_subscribers": _SUBSCRIBERS,
    }
    if todo.lockstep:
        # The overlay is the last thing made of a frame, so that every picture is there to be looked at.
        parameters |= {"lockstep.topic": graph.OVERLAY, "lockstep.type": "sensor_msgs/msg/Image"}
    return Child("source_node", parameters, _REMAPPINGS, options.out)


def _wait_until_active(node: DemoGraph, perception: Child, tick: Callable[[], None]) -> None:
    def known() -> bool:
        return node.report(graph.PERCEPTION).get("state") == "active" or node.is_in_error(graph.PERCEPTION)

    if not node.spin_until(known, _START_S, tick=tick):
        raise DemoError(f"the perception node was not ready within {_START_S:.0f} s:\n{perception.last_words()}")
    if node.is_in_error(graph.PERCEPTION):
        raise DemoError(f"the perception node: {node.message(graph.PERCEPTION)}")


def _settled(node: DemoGraph, ended: float) -> bool:
    """Whether both have reported since the end, and the recorder has every result."""
    if node.heard_at(graph.PERCEPTION) < ended or node.report(graph.SOURCE).get("finished") != "true":
        return False
    return not _ledger(node).discrepancies()


def _ledger(node: DemoGraph) -> Ledger:
    seen, source = node.report(graph.PERCEPTION), node.report(graph.SOURCE)

    def count(report: dict[str, str], what: str) -> int:
        return int(report.get(f"frames.{what}", 0))

    return Ledger(
        sent=count(source, "sent"),
        unreadable=count(source, "unreadable"),
        received=count(seen, "received"),
        processed=count(seen, "processed"),
        overwritten=count(seen, "overwritten"),
        bad=count(seen, "bad"),
        recorded={"image": node.recorded(node.image_topic), "detections": node.processed},
    )
