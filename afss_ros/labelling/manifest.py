"""`manifest.jsonl`: one line for every frame that was looked at, and what became of it. The memory of a resumed run.

A line is written after everything else of its frame is on disk. Statuses:

- `kept`: labelled, and in the data set;
- `refused`: something was found, and the filter kept none of it; not in the data set;
- `empty`: nothing was found; not in the data set;
- `skipped`: too like a frame before; `reason` says which;
- `unreadable`: could not be decoded; `reason` says why;
- `damaged`: no frame, but a place where the recording is broken and frames may be missing; `reason` says where;
- `missed`: a live frame that was not labelled; `reason` says why. When a replay brings it again it is labelled, and
  its new line stands for it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from afss_ros.datasets.files import append_line
from afss_ros.teacher.errors import TeacherError

LOOKED_AT = ("kept", "refused", "empty")
"""Statuses of frames that went through the teacher."""

_REMEMBERED = ("status", "stamp_ns", "phash", "width", "height")
STATUSES = (*LOOKED_AT, "skipped", "unreadable")
MISSED = "missed"
DAMAGED = "damaged"
SET_ASIDE = "set aside"
"""Frames of shards that no worker could do: in no manifest, so that the next run tries them again."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A live frame that was not labelled, or a place where some never came; the fields are those of its line."""

    key: str
    source: str
    stamp_ns: int
    reason: str
    status: str = MISSED


class Manifest:
    """The manifest of one output folder, open for appending."""

    def __init__(self, path: Path) -> None:
        """Read what is there, and drop a last line that a kill has torn.

        Raises:
            TeacherError: a whole line is not a record, or somebody else is writing the file.
        """
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise TeacherError(
                f"{path}: another `afss label` is writing here; wait for it, or use another --out"
            ) from error
        self._records: dict[str, dict[str, Any]] = {}
        self._missed: dict[str, None] = {}
        self._counts = dict.fromkeys((*STATUSES, DAMAGED), 0)
        try:
            os.ftruncate(self._file, self._read())
        except BaseException:
            self.close()
            raise

    def get(self, key: str) -> dict[str, Any] | None:
        """What is known of a frame, without its instances; None when it was never looked at, or missed."""
        return self._records.get(key)

    @property
    def counts(self) -> dict[str, int]:
        """Frames by status; `missed` and `damaged`, which counts places, only where there are any."""
        counts = {**self._counts, MISSED: len(self._missed)}
        return {status: count for status, count in counts.items() if count or status in STATUSES}

    def last_missed(self, count: int) -> tuple[str, ...]:
        """Keys of the frames missed last and not labelled since, the newest first."""
        return tuple(islice(reversed(self._missed), count))

    def miss(self, frame: Missed) -> None:
        """Add a frame that was not labelled, or a place, unless it was, or is known already."""
        if frame.key in self._records or frame.key in self._missed:
            return
        self.append(
            {
                "key": frame.key,
                "source": frame.source,
                "stamp_ns": frame.stamp_ns,
                "status": frame.status,
                "reason": frame.reason,
            }
        )

    def append(self, record: dict[str, Any]) -> None:
        """Add one frame, for good."""
        append_line(self._file, (json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n").encode())
        self._remember(record)

    def close(self) -> None:
        """Release the file. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _read(self) -> int:
        """Remember every whole line; returns where the last of them ends."""
        end = 0
        with self.path.open("rb") as file:  # line by line: with its masks a manifest may be larger than the memory
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    self._remember(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    raise TeacherError(
                        f"{self.path}: line {number} is not a record; restore it or start a new --out"
                    ) from error
                end += len(line)
        return end

    def _remember(self, record: dict[str, Any]) -> None:
        if record["status"] == MISSED:
            self._missed[record["key"]] = None
            return
        self._missed.pop(record["key"], None)
        # Masks stay on disk: a bag of any length must fit.
        self._records[record["key"]] = {name: record[name] for name in _REMEMBERED if name in record}
        self._counts[record["status"]] += 1


def read_manifest(path: Path) -> Iterator[dict[str, Any]]:
    """The whole records of a manifest, one at a time, one for each frame; frames that are still missed come last."""
    missed: dict[str, dict[str, Any]] = {}
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                continue
            record = json.loads(line)
            if record["status"] == MISSED:
                missed[record["key"]] = record
                continue
            missed.pop(record["key"], None)
            yield record
    yield from missed.values()
