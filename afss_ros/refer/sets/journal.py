"""What a long run has done so far, a line a picture, so that a killed one goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import append_line, mend_last_line
from afss_ros.datasets.record import read_lines
from afss_ros.datasets.shards import lock

FIRST = "settings"
"""Key of the first line, which says what is being made."""


class Journal:
    """Lines by the keys of pictures. One that was written for anything else is begun anew.

    Args:
        path: of the file, in a folder that exists.
        settings: what decides the lines' content, plain JSON values.

    Raises:
        DatasetError: it cannot be written, or another process is at it.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as err:
            raise DatasetError(f"{path}: cannot be written ({err})") from err
        try:
            lock(self._file, path, "wait for it, or name another folder")
            records, wrong, complete = read_lines(path)
            first = {"key": FIRST, "settings": json.loads(json.dumps(settings))}
            if wrong or not records or records[0] != first:
                os.ftruncate(self._file, 0)
                records = [first]
                append_line(self._file, _line(first))
            else:
                mend_last_line(self._file, complete)
        except BaseException:
            os.close(self._file)
            raise
        self.done: dict[str, dict[str, Any]] = {record["key"]: record for record in records[1:]}

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)

    def enter(self, key: str, value: Mapping[str, Any]) -> None:
        """Write down what was made of a picture.

        Raises:
            DatasetError: the disk refuses.
        """
        record = {"key": key, **value}
        try:
            append_line(self._file, _line(record))
        except OSError as err:
            raise DatasetError(f"{self.path}: {key!r} cannot be written ({err})") from err
        self.done[key] = record

    def remove(self) -> None:
        """All is done, and stands elsewhere."""
        self.path.unlink(missing_ok=True)


def _line(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, separators=(",", ":")) + "\n").encode()
