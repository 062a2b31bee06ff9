"""A real browser for tests: headless Chromium driven through chromedriver's HTTP interface (W3C WebDriver)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from processes import PATIENCE_S, started

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, fixed by the standard


class Page:
    """One browser window."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, path: Path) -> None:
        """Open a local file, as a double click on it does."""
        self._post("url", {"url": path.resolve().as_uri()})

    def run(self, script: str) -> Any:
        """Run JavaScript; what it returns."""
        return self._post("execute/sync", {"script": script, "args": []})

    def click(self, selector: str) -> None:
        """Click the first element that matches, with the mouse."""
        self._post(f"element/{self._find(selector)}/click", {})

    def press(self, *keys: str) -> None:
        """Press keys one after the other; `\\ue006` and the like are WebDriver's names of special keys."""
        actions = [a for key in keys for a in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        self._post("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def picture(self, path: Path) -> None:
        """Save what the window shows as PNG."""
        path.write_bytes(base64.b64decode(_call("GET", f"{self._session}/screenshot")))

    def errors(self) -> list[str]:
        """What the page complained about in its console, as errors."""
        entries = self._post("se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def _find(self, selector: str) -> str:
        return str(self._post("element", {"using": "css selector", "value": selector})[_ELEMENT])

    def _post(self, command: str, body: dict[str, Any]) -> Any:
        return _call("POST", f"{self._session}/{command}", body)


@contextmanager
def chromium(downloads: Path) -> Iterator[Page]:
    """Start Chromium; files that a page saves go to `downloads`."""
    driver, browser = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or browser is None:
        reason = "the report is tested in a real browser, on Debian: sudo apt install chromium chromium-driver"
        if os.environ.get("CI"):
            raise RuntimeError(reason)
        pytest.skip(reason)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = f"http://127.0.0.1:{port}"
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    options = {
        "binary": browser,
        "args": [*arguments, "--window-size=1400,1000"],
        "prefs": {"download.default_directory": str(downloads)},
    }
    wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    with started([driver, f"--port={port}"], stdout=subprocess.DEVNULL):
        _wait(f"{root}/status")
        created = _call("POST", f"{root}/session", {"capabilities": {"alwaysMatch": wanted}})
        session = f"{root}/session/{created['sessionId']}"
        try:
            yield Page(session)
        finally:
            _call("DELETE", session)


def _wait(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            _call("GET", url)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _call(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())["value"]
