"""What a test leaves behind fails it by name and is cleared away, whether it passed or failed or was killed."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from domains import reserved_domain
from process_table import running, started_with
from processes import PATIENCE_S, ROOT, finish, python, started

MARK = "AFSS_TEST_OF_LEFTOVERS"
SLEEP = "import time; time.sleep(10000)"
GUARDED = """
import leftovers

leftovers.GRACE_S = 0.5

def pytest_configure(config):
    leftovers.register(config)
"""


def guarded(folder: Path, text: str) -> list[str | Path]:
    """The command that runs `text` as tests under guard, in their order and without what else guards ours."""
    (folder / "conftest.py").write_text(GUARDED)
    (folder / "test_it.py").write_text(text)
    return python("-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-rA", folder)


def changes(mark: str) -> dict[str, str]:
    """The environment of a guarded run: what it starts carries a mark that it does not know of."""
    return {"PYTHONPATH": os.pathsep.join([str(ROOT / "test"), str(ROOT)]), MARK: mark}


def survivors(mark: str) -> list[str]:
    marked = started_with(MARK, mark)
    return [process.command for process in running() if process.pid in marked]


def run(folder: Path, text: str, *, domain: int | None = None) -> tuple[dict[str, str], str]:
    """What became of each test, PASSED, FAILED or ERROR (it left something), and the output."""
    with started(guarded(folder, text), domain=domain, changes=changes(folder.name)) as process:
        _, output = finish(process)
        assert survivors(folder.name) == [], output
    found = re.findall(r"^(PASSED|FAILED|ERROR) \S*test_it\.py::(\w+)", output, re.MULTILINE)
    return {name: outcome for outcome, name in sorted(found, key=lambda pair: pair[0] == "ERROR")}, output


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


NODE = """
import subprocess, sys

def test_a_node_is_started_and_the_test_fails():
    parameters = ["-p", "source:=demo/demo.mcap", "-p", "wait_for_subscribers:=1"]
    command = [sys.executable, "-m", "afss_ros.nodes.source.node", "--ros-args", *parameters]
    node = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while "waiting for 1 subscribers" not in node.stderr.readline():
        assert node.poll() is None
    assert False, "the reason why it fails"

def test_after_it():
    pass
"""


def test_a_failing_test_that_started_a_node_leaves_no_process(tmp_path: Path) -> None:
    with reserved_domain() as domain:
        outcomes, output = run(tmp_path, NODE, domain=domain)
    assert outcomes == {"test_a_node_is_started_and_the_test_fails": "ERROR", "test_after_it": "PASSED"}
    assert "the reason why it fails" in output
    assert re.search(r"left behind:\n\s+process \d+: .*afss_ros\.nodes\.source\.node", output), output


OTHERS = f"""
import os, signal, subprocess, sys, threading
import cv2, pytest

gate = threading.Event()

@pytest.fixture(scope="module", autouse=True)
def server():
    server = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
    yield
    server.kill()
    server.wait()

@pytest.fixture
def waited_for():
    process = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
    yield
    process.kill()
    process.wait()

def test_nothing(waited_for): pass
def test_detached_process():
    subprocess.Popen(["sh", "-c", "setsid sleep 10000 & exit"]).wait()
def test_forked_process():
    child = os.fork()
    if child == 0:
        os.setsid()
        os.execve("/bin/sleep", ["sleep", "10000"], {{}}) if os.fork() == 0 else os._exit(0)
    os.waitpid(child, 0)
def test_variable(): os.environ["AFSS_LEFT"] = "1"
def test_folder(): os.chdir("/")
def test_umask(): os.umask(0o077)
def test_handler(): signal.signal(signal.SIGTERM, signal.SIG_IGN)
def test_threads_of_a_library(): cv2.setNumThreads(cv2.getNumThreads() + 1)
def test_thread(): threading.Thread(target=gate.wait, name="lingers").start()
def test_nothing_is_left_for_the_next():
    gate.set()
    assert "AFSS_LEFT" not in os.environ
    assert os.getcwd() != "/"
    assert os.umask(0o022) == 0o022
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
"""

SAID = {
    "test_detached_process": r"process \d+: sleep 10000",
    "test_forked_process": r"process \d+: sleep 10000",
    "test_variable": "environment variable AFSS_LEFT: None became '1'",
    "test_folder": "working directory: '.*' became '/'",
    "test_umask": "umask: '0022' became '0077'",
    "test_handler": "handler of SIGTERM: .* became .*SIG_IGN",
    "test_threads_of_a_library": r"threads of OpenCV: \d+ became \d+",
    "test_thread": "thread lingers",
}


def test_whatever_is_left_is_named_and_cleared_away_and_what_a_fixture_keeps_is_not(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        outcomes, output = run(tmp_path, OTHERS)
    finally:
        os.umask(before)
    assert outcomes == {
        **dict.fromkeys(SAID, "ERROR"),
        "test_nothing": "PASSED",
        "test_nothing_is_left_for_the_next": "PASSED",
    }, output
    for name, said in SAID.items():
        assert re.search(rf"ERROR at teardown of {name} _(?:.|\n)*?left behind:\n\s+{said}", output), (name, output)


FIXTURE = f"""
import subprocess, sys
import pytest

@pytest.fixture(scope="module")
def server():
    return subprocess.Popen([sys.executable, "-c", {SLEEP!r}])

def test_first(server): pass
def test_last(server): pass
"""


def test_what_a_fixture_of_the_module_leaves_fails_the_last_test_that_had_it(tmp_path: Path) -> None:
    assert run(tmp_path, FIXTURE)[0] == {"test_first": "PASSED", "test_last": "ERROR"}


def test_a_run_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    """Neither its child nor one in a session of its own."""
    text = f"""
import pathlib, subprocess, sys, time

def test_two():
    for alone in (False, True):
        subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=alone)
    pathlib.Path({str(tmp_path / "started")!r}).touch()
    time.sleep(10000)
"""
    with started(guarded(tmp_path, text), changes=changes(tmp_path.name)) as process:
        wait_for((tmp_path / "started").exists)
        assert len(survivors(tmp_path.name)) >= 3
        process.send_signal(signal.SIGKILL)
        wait_for(lambda: not survivors(tmp_path.name))
