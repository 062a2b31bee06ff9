"""systemd's notifications, heard by a socket like its own."""

from __future__ import annotations

import configparser
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from perception_peer import PATIENCE_S, Peer, PerceptionProcess, image_message
from processes import ROOT
from tiny_students import build_hanging_student

from afss_ros.nodes import service_manager


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def test_lines_arrive_as_one_datagram(manager: socket.socket) -> None:
    assert service_manager.notify("READY=1", "STATUS=perceiving")
    assert manager.recv(1000) == b"READY=1\nSTATUS=perceiving"


def test_where_nobody_listens_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not service_manager.notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not service_manager.notify("READY=1")


def test_the_watchdog_is_fed_until_a_frame_is_stalled(
    manager: socket.socket, tmp_path: Path, quiet_domain: int
) -> None:
    student = build_hanging_student(tmp_path / "hanging.onnx")
    parameters: dict[str, Any] = {
        "autostart": True,
        "model__path": student,
        "model__threads": 1,
        "diagnostics__period": 0.1,
        "watchdog__frame_limit": 1.0,
        "watchdog__stop_limit": 0.5,
    }
    process = PerceptionProcess(quiet_domain, tmp_path / "log", **parameters)
    with process, closing(Peer(quiet_domain)) as peer:
        assert manager.recv(1000) == b"READY=1"
        assert manager.recv(1000).startswith(b"WATCHDOG=1\nSTATUS=")
        camera, white = peer.camera(), image_message(np.full((64, 64, 3), 255, np.uint8), peer.now())
        # Again and again: best effort for the node, which may not have found the camera yet.
        peer.repeat(lambda: camera.publish(white))
        peer.status(lambda values: float(values.get("work.age_s", "0")) > 1.0)
        manager.setblocking(False)
        while pending(manager):
            pass
        peer.status()
        peer.status()
        assert not pending(manager), "a stalled node must not be called alive"
        process.stop(signal.SIGTERM)
    assert manager.recv(1000) == b"STOPPING=1"


def pending(manager: socket.socket) -> bytes:
    try:
        return manager.recv(1000)
    except BlockingIOError:
        return b""


def test_the_unit_waits_for_ready_and_restarts() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "config" / "systemd" / "afss-perception.service")
    service = unit["Service"]
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert float(service["WatchdogSec"]) >= 5, "several times diagnostics.period"
    assert "watchdog.exit:=true" in service["ExecStart"]
