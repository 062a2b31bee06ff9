"""Nothing leaves the machine and nothing is written outside the places that docs/ros.md names: told by system calls."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from domains import reserved_domain
from package_metadata import ROOT
from processes import PATIENCE_S, finish, started

STRACE = shutil.which("strace")
WATCH_S = 5

pytestmark = pytest.mark.skipif(STRACE is None, reason="system calls are watched with strace: sudo apt install strace")


def watched(command: list[str], folder: Path, environment: dict[str, str], sign: str) -> str:
    """The network and file system calls of a command and its children, until a while after `sign` was among them."""
    trace, home = folder / "trace", folder / "home"
    home.mkdir()
    calls = "trace=socket,connect,sendto,sendmsg,sendmmsg,openat,open,creat,mkdir,mkdirat"
    changes = {"HOME": str(home), "TMPDIR": str(folder), **environment}
    with started([str(STRACE), "-fo", trace, "-e", calls, *command], changes=changes) as process:
        end = time.monotonic() + PATIENCE_S
        while not (trace.exists() and sign in trace.read_text(errors="replace")):
            assert time.monotonic() < end and process.poll() is None, f"no {sign} among what it did"
            time.sleep(0.1)
        time.sleep(WATCH_S)
        os.killpg(process.pid, signal.SIGINT)
        finish(process)
    return trace.read_text(errors="replace")


def written(trace: str) -> set[str]:
    """The absolute paths that were opened to be created or written, but for devices and shared memory."""
    opened = re.findall(r'(?:openat\(AT_FDCWD, |open\(|creat\()"(/[^"]+)", [^)\n]*(?:O_CREAT|O_WRONLY|O_RDWR)', trace)
    made = re.findall(r'mkdir(?:at\(AT_FDCWD, |\()"(/[^"]+)"[^)\n]*\) = 0', trace)
    return {path for path in (*opened, *made) if not path.startswith(("/dev/", "/proc/"))}


def asked_for_names(trace: str) -> list[str]:
    return re.findall(r".*(?:htons\(53\)|systemd\.resolve|systemd/resolve).*", trace)


def test_running_a_student_opens_no_socket_and_writes_nothing(tmp_path: Path) -> None:
    program = f"""
import time
import numpy as np
from afss_ros.perception import Frame
from afss_ros.student import Student
with Student({str(ROOT / "models" / "student.onnx")!r}, provider="cpu", threads=1) as student:
    student(Frame(np.zeros((64, 64, 3), np.uint8)))
    time.sleep(10000)
"""
    trace = watched([sys.executable, "-c", program], tmp_path, {"PYTHONDONTWRITEBYTECODE": "1"}, "student.onnx")
    assert re.findall(r"socket\(AF_INET6?, .*", trace) == []
    assert asked_for_names(trace) == []
    assert {path for path in written(trace) if not path.startswith(str(tmp_path / "trace"))} == set()


def test_a_node_speaks_dds_alone_and_writes_its_log_alone(tmp_path: Path, tiny_student: Path) -> None:
    with reserved_domain() as domain:
        trace = watched(
            [
                *(sys.executable, "-m", "afss_ros.nodes.perception_node", "--ros-args", "-p", "autostart:=true"),
                *("-p", f"model.path:={tiny_student}"),
            ],
            tmp_path,
            {"PYTHONDONTWRITEBYTECODE": "1", "ROS_DOMAIN_ID": str(domain), "ROS_LOG_DIR": str(tmp_path / "log")},
            tiny_student.name,
        )
    assert asked_for_names(trace) == []
    streams = [line for line in trace.splitlines() if re.search(r"socket\(AF_INET6?, SOCK_STREAM", line)]
    assert streams == []
    log = str(tmp_path / "log")
    assert {path for path in written(trace) if not path.startswith((log, str(tmp_path / "trace")))} == set()
