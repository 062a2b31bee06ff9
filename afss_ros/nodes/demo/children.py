"""The nodes of a demo: real processes, with their logs in files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import afss_ros

_GRACE_S = 10.0
_LOG_LINES = 20


class Child:
    """One node in a process of its own; leaving the context ends it.

    Args:
        module: below `afss_ros.nodes`, also the name of the log file.
        parameters: ROS parameters by name.
        remappings: ROS names by the name that the node uses.
        folder: where the log goes.
    """

    def __init__(
        self,
        module: str,
        parameters: Mapping[str, str | int | float | bool],
        remappings: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.name = module
        self.log = folder / f"{module}.log"
        # JSON is YAML too, which is how ROS reads these: any path stays one string.
        values = [text for key, value in parameters.items() for text in ("-p", f"{key}:={json.dumps(value)}")]
        names = [text for before, after in remappings.items() for text in ("-r", f"{before}:={after}")]
        home = str(Path(afss_ros.__file__).resolve().parents[1])
        path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH", "")])])
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"afss_ros.nodes.{module}", "--ros-args", *values, *names],
                env={**os.environ, "PYTHONPATH": path},
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for the demo, which ends its children in order.
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def stop(self) -> int:
        """End it by SIGINT, by force after 10 s; returns its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:])

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
