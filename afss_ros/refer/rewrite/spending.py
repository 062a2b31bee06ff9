"""What was asked and what it cost, on disk: nothing is asked twice, and a budget is not passed even over a kill."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import read_text, write_atomically
from afss_ros.refer.errors import ReferError


class BudgetError(ReferError):
    """The next question could pass the budget, so it is not asked."""


def content_hash(url: str, body: dict[str, Any]) -> str:
    """The name of a question, by all that decides its answer."""
    return hashlib.sha256(json.dumps([url, body], sort_keys=True).encode()).hexdigest()


class Ledger:
    """A folder with the answers, and a file to which every question's cost is written before it is asked.

    A line reserves the most that a question can cost; a second line says what it did cost. Where a kill came between,
    the reservation counts.

    Args:
        folder: is made if it is missing.
        budget: most tokens, of all runs on this folder together; None for no limit.
    """

    def __init__(self, folder: Path, budget: int | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._path, self._budget = folder, folder / "spent.jsonl", budget
        self.spent = self._read()

    def _read(self) -> int:
        if not self._path.exists():
            return 0
        spent = 0
        for line in read_text(self._path).splitlines():
            try:
                spent += int(json.loads(line)["tokens"])
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a killed run, cut short: its question was not asked yet
        return spent

    def answer(self, name: str) -> str | None:
        """An answer that is known."""
        try:
            value = json.loads(read_text(self._folder / f"{name}.json"))
        except (DatasetError, ValueError):
            return None
        return str(value["text"]) if isinstance(value, dict) and "text" in value else None

    def keep(self, name: str, text: str) -> None:
        """Remember an answer, whole or not at all."""
        write_atomically(self._folder / f"{name}.json", json.dumps({"text": text}).encode())

    def reserve(self, tokens: int) -> None:
        """Count the most that a question can cost, before it is asked.

        Raises:
            BudgetError: that could pass the budget.
        """
        if self._budget is not None and self.spent + tokens > self._budget:
            raise BudgetError(
                f"{self.spent} of {self._budget} tokens are spent, and the next question may cost {tokens}; raise"
                " --budget to go on"
            )
        self._write(tokens)

    def settle(self, reserved: int, tokens: int | None) -> None:
        """Say what a question did cost; None where nobody knows, and then it cost what was reserved."""
        if tokens is not None:
            self._write(tokens - reserved)

    def _write(self, tokens: int) -> None:
        with self._path.open("a") as file:
            # On a line of its own, whatever a killed run left of its last one.
            file.write("\n" + json.dumps({"tokens": tokens}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.spent += tokens
