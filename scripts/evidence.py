"""From each promise to the tests that show it: `make evidence` writes docs/evidence.md from scripts/evidence.yaml.

    python -m scripts.evidence [--out docs/evidence.md]

It fails where a test that is named does not exist. The page says nothing of whether tests pass: `make test` does.
"""

from __future__ import annotations

import argparse
import ast
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PROMISES = ROOT / "scripts" / "evidence.yaml"
PAGE = ROOT / "docs" / "evidence.md"
_HEAD = """# Evidence: from each promise to the test that shows it

Made by `make evidence`, from `scripts/evidence.yaml`; a test fails where a test that is named here does not exist, or
the page is not what the command makes. `make test` runs all of them, those of OpenVINO where its wheel is there; one
by `.venv/bin/python -m pytest test/<name>`. What is injected into a live node by the thousand stands in
[the campaign](campaign.md), what is not held in [SECURITY.md](../SECURITY.md).
"""
_TAIL = """
## What no test shows

- TensorRT and CUDA: no GPU was at hand. What can be shown without one is, with OpenVINO ([gpu.md](gpu.md)).
- DDS security: the wheels' middleware has none, so the policy was held against the live graph and never enforced.
- Radiation, vacuum, a flight computer: bits are flipped by software, on two cores of a server.
- Power: no meter was at hand; processor seconds stand in its place ([ros.md](ros.md#modes)).
"""


class EvidenceError(Exception):
    """The promises cannot be read, or name a test that does not exist."""


@dataclass(frozen=True)
class Promise:
    """What is promised, and the tests that show it, as pytest names them."""

    says: str
    shown: tuple[str, ...]


def read(path: Path = PROMISES) -> dict[str, list[Promise]]:
    """Chapter -> promises.

    Raises:
        EvidenceError: an entry is no promise, or has no test.
    """
    chapters: dict[str, list[Promise]] = {}
    for chapter in yaml.safe_load(path.read_text()):
        chapters[chapter["title"]] = [_promise(entry) for entry in chapter["promises"]]
    return chapters


def _promise(entry: Any) -> Promise:
    if not isinstance(entry, dict) or set(entry) != {"says", "shown"} or not entry["shown"]:
        raise EvidenceError(f"{entry!r} is no promise: it needs `says`, and under `shown` a test at least")
    return Promise(entry["says"], tuple(entry["shown"]))


def missing(chapters: dict[str, list[Promise]], root: Path = ROOT) -> list[str]:
    """The tests that are named and do not exist."""
    named = {test for promises in chapters.values() for promise in promises for test in promise.shown}
    return sorted(test for test in named if test.partition("::")[2] not in _tests(root / test.partition("::")[0]))


@cache
def _tests(path: Path) -> frozenset[str]:
    """The names of the tests in a file; none where there is no such file."""
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text()).body
    return frozenset(n.name for n in body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def page(chapters: dict[str, list[Promise]]) -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for title, promises in chapters.items():
        rows = [f"| {promise.says} | {'<br>'.join(map(_shown, promise.shown))} |" for promise in promises]
        parts.append("\n".join([f"\n## {title}\n", "| promise | shown by, in `test/` |", "| --- | --- |", *rows, ""]))
    return "".join([*parts, _TAIL])


def _shown(test: str) -> str:
    return f"`{test.removeprefix('test/')}`"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the page that leads from each promise to its tests.")
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    chapters = read()
    if lost := missing(chapters):
        sys.stderr.write(f"error: {PROMISES.name} names tests that do not exist: {', '.join(lost)}\n")
        return 1
    options.out.write_text(page(chapters))
    count = sum(map(len, chapters.values()))
    sys.stdout.write(f"{options.out}: {count} promises\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
