"""What a test leaves behind fails that test by name, and is cleared away so that the tests after it run as alone.

Left behind are processes (children, and whatever carries the mark of this run in its environment, however detached),
threads that would keep the interpreter from ending, and changes of environment, working directory, umask, signal
handlers and settings of torch and OpenCV. What fixtures of a module or session start or change is theirs while they
last.

A run that is killed leaves no processes either: see watchdog.py.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from process_table import Process, ancestry, descendants, kill, look, pids, started_with, table

MARK = "AFSS_TEST_RUN"
"""Names this run in the environment of every process that it starts; a run within a run adds to the mark."""
GRACE_S = 60.0
"""How long processes and threads may take to end after they were told to: a busy machine is slow, not wrong."""
SERVANTS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""Processes that multiprocessing keeps until the interpreter ends, and that end with it."""
OF_PYTEST = {"PYTEST_CURRENT_TEST", "PYTEST_XDIST_TESTRUNUID"}
SET_BY_LIBRARIES = {"RAY_CLIENT_MODE", "TORCHINDUCTOR_CACHE_DIR"}
"""Variables in which a library notes, once a process, where it keeps things: nothing of ours reads them."""
OF_LIBRARIES = {
    "threads of torch": ("torch", "get_num_threads", "set_num_threads"),
    "determinism of torch": ("torch", "are_deterministic_algorithms_enabled", "use_deterministic_algorithms"),
    "default type of torch": ("torch", "get_default_dtype", "set_default_dtype"),
    "threads of OpenCV": ("cv2", "getNumThreads", "setNumThreads"),
}
"""Module, and the functions that tell and change a setting."""
PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD, signal.SIGXFSZ)


def register(config: pytest.Config) -> None:
    """Guard the tests of this run; call it in `pytest_configure`."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A run in the background of a shell has Ctrl-C ignored, and would bequeath that to what it starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Orphans become children of this process, instead of those of the machine's first.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    outer = os.environ.get(MARK)
    os.environ[MARK] = "/".join([*filter(None, [outer]), secrets.token_hex(6)])
    distributes = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if not distributes:  # with xdist the tests run in the workers, and each of those guards its own
        config.pluginmanager.register(Guard(), "leftovers")
    watchdog = Watchdog()
    config.add_cleanup(watchdog.close)


class Watchdog:
    """A process that outlives this one just long enough to end what this one started."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("watchdog.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(os.getpid()), MARK, os.environ[MARK]],
            env={name: value for name, value in os.environ.items() if name != MARK},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class Settings:
    """What a process has only once, and every test may count on."""

    environment: dict[str, str]
    folder: str
    umask: str
    handlers: dict[signal.Signals, Any]
    libraries: dict[str, Any]
    """Settings of those that are imported."""

    @classmethod
    def now(cls) -> Settings:
        return cls(
            environment={name: value for name, value in os.environ.items() if name not in OF_PYTEST | SET_BY_LIBRARIES},
            folder=_folder(),
            umask=_umask(),
            handlers={number: signal.getsignal(number) for number in SIGNALS},
            libraries=_settings_of_libraries(),
        )

    def changes(self, now: Settings) -> list[str]:
        names = sorted(self.environment.keys() | now.environment.keys())
        pairs = [
            *((f"environment variable {n}", self.environment.get(n), now.environment.get(n)) for n in names),
            *((f"handler of {n.name}", self.handlers[n], now.handlers[n]) for n in SIGNALS),
            *((name, value, now.libraries.get(name)) for name, value in self.libraries.items()),
            ("working directory", self.folder, now.folder),
            ("umask", self.umask, now.umask),
        ]
        return [f"{what}: {before!r} became {after!r}" for what, before, after in pairs if before != after]

    def restore(self) -> None:
        for name in os.environ.keys() - self.environment.keys() - OF_PYTEST - SET_BY_LIBRARIES:
            del os.environ[name]
        os.environ.update(self.environment)
        os.chdir(self.folder)
        os.umask(int(self.umask, 8))
        for number, handler in self.handlers.items():
            if signal.getsignal(number) != handler:
                signal.signal(number, handler)
        for name, value in self.libraries.items():
            module, tell, change = OF_LIBRARIES[name]
            if getattr(sys.modules[module], tell)() != value:
                getattr(sys.modules[module], change)(value)


@dataclass
class Belongings:
    """What one fixture of a module or session brought into being."""

    processes: set[Process] = field(default_factory=set)
    threads: set[threading.Thread] = field(default_factory=set)
    before: Settings | None = None
    """Set if it changed some."""


class Guard:
    def __init__(self) -> None:
        self._processes: set[Process] = set()
        self._ended: set[Process] = set()
        self._threads: set[threading.Thread] = set()
        self._settings: Settings | None = None
        self._fixtures: dict[int, Belongings] = {}

    def pytest_collection_finish(self) -> None:
        self._processes, self._threads = ours(), set(threading.enumerate())
        self._ended = {process for process in self._processes if process.has_ended}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, Any, Any]:
        self._settings = Settings.now()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, Any, Any]:
        if fixturedef.scope == "function":
            return (yield)
        processes, threads, settings = ours(), set(threading.enumerate()), Settings.now()
        try:
            return (yield)
        finally:
            own = Belongings(ours() - processes, set(threading.enumerate()) - threads)
            if settings.changes(Settings.now()):
                own.before = self._settings
                self._settings = Settings.now()
            self._fixtures[id(fixturedef)] = own

    def pytest_fixture_post_finalizer(self, fixturedef: Any, request: Any) -> None:
        own = self._fixtures.pop(id(fixturedef), None)
        if own is not None and own.before is not None:
            self._settings = own.before

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        try:
            result = yield
        except BaseException:
            if said := self._clear():
                item.add_report_section("teardown", "left behind", "\n".join(said))
            raise
        if said := self._clear():
            pytest.fail("\n  ".join(["left behind:", *said]), pytrace=False)
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        kill(ours() - self._processes)

    def _clear(self) -> list[str]:
        """Undo what the test left; one line for each thing."""
        processes, threads = self._left_processes(), self._left_threads()
        end = time.monotonic() + GRACE_S
        while (processes or threads) and time.monotonic() < end:
            time.sleep(0.02)
            processes, threads = self._left_processes(), self._left_threads()
        said = [f"process {process.pid}: {process.command[:300]}" for process in processes]
        said += [f"thread {thread.name}" for thread in threads]
        kill(processes)
        self._threads |= threads  # nobody can end them, and their test has been told
        if self._settings is not None and (changes := self._settings.changes(Settings.now())):
            said += changes
            self._settings.restore()
        return said

    def _left_processes(self) -> set[Process]:
        found = ours()
        while ended := {process for process in found if process.has_ended} - self._ended:
            self._ended |= ended
            found = ours()  # a child of theirs may have been missed
        allowed = self._processes.union(*(own.processes for own in self._fixtures.values()))
        left = {process for process in found - allowed if not process.has_ended}
        if not left:
            return left
        known = table()
        return {
            process for process in left if allowed.isdisjoint(ancestry(process, known)) and not _ends_with_us(process)
        }

    def _left_threads(self) -> set[threading.Thread]:
        allowed = self._threads.union(*(own.threads for own in self._fixtures.values()))
        return {thread for thread in set(threading.enumerate()) - allowed if not thread.daemon}


_strangers: set[int] = set()
"""Processes that were looked at and are not of this run: what they start is not of it either, and every test asks."""


def ours() -> set[Process]:
    """The processes below this one, and those that carry its mark."""
    own = os.getpid()
    below = descendants(own)
    numbers = set(pids())
    _strangers.intersection_update(numbers)  # a number that is free may be given to one of ours
    unknown = numbers - _strangers - below - {own}
    marked = started_with(MARK, os.environ[MARK], separator="/", among=unknown)
    _strangers.update(unknown - marked)
    return {process for pid in below | marked if (process := look(pid)) is not None}


def _ends_with_us(process: Process) -> bool:
    # What the fork server forked has its command line too.
    return process.parent == os.getpid() and any(name in process.command for name in SERVANTS)


def _folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return "a folder that is gone"


def _umask() -> str:
    """Octal; `os.umask` can only tell it by changing it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("Umask:"))


def _settings_of_libraries() -> dict[str, Any]:
    found = {}
    for name, (module, tell, _) in OF_LIBRARIES.items():
        ask = getattr(sys.modules.get(module), tell, None)  # absent while the module is being imported, too
        if ask is not None:
            found[name] = ask()
    return found
