"""Steps that are done once: a step's folder is named after a hash of everything that it depends on.

A finished step has a `done.json`; it is found again and skipped. Another configuration gives another folder, so nothing
is ever overwritten, and going back to an earlier configuration costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afss_ros import __version__
from afss_ros.datasets.files import write_atomically

_LOG = logging.getLogger(__name__)
_DONE = "done.json"


@dataclass(frozen=True, slots=True)
class Done:
    """A finished step: its name, its folder, what it says of itself, the seconds it took, whether it was there."""

    name: str
    folder: Path
    result: dict[str, Any]
    seconds: float
    skipped: bool


class Steps:
    """The steps of one loop, in the order in which they are asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.done: list[Done] = []

    def run(self, name: str, inputs: dict[str, Any], work: Callable[[Path], dict[str, Any]]) -> Done:
        """Do a step, or find it done.

        Args:
            inputs: everything that the step depends on, as plain JSON values; steps before it by `Done.folder.name`,
                which holds their hash.
            work: does it in the folder that it is given, resuming what it finds there; returns plain JSON values.
        """
        folder = self.root / f"{name}-{digest({'version': __version__, **inputs})[:10]}"
        record = folder / _DONE
        if record.exists():
            known = json.loads(record.read_text())
            done = Done(name, folder, known["result"], known["seconds"], True)
            _LOG.info("%s: done before, in %s", name, folder)
        else:
            _LOG.info("%s: in %s", name, folder)
            folder.mkdir(parents=True, exist_ok=True)
            started = time.monotonic()
            result = work(folder)
            seconds = round(time.monotonic() - started, 1)
            document = {"inputs": inputs, "result": result, "seconds": seconds}
            write_atomically(record, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
            done = Done(name, folder, result, seconds, False)
        self.done.append(done)
        return done


def digest(values: Any) -> str:
    """SHA-256 of plain JSON values, independent of the order of keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, allow_nan=False).encode()).hexdigest()


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of the files of a folder."""
    total = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        total.update(str(file.relative_to(path.parent)).encode() + b"\0")
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def contents(*places: str | Path | None) -> dict[str, Any]:
    """The hashes of whatever files and folders are named, under a key of a step's inputs; nothing where there are none.

    A place says where weights lie, and not which they are; a name that is no place (of a Hub, say) is skipped.
    """
    named = {str(place) for place in places if place and Path(place).exists()}
    return {"files": {place: fingerprint(Path(place)) for place in sorted(named)}} if named else {}
