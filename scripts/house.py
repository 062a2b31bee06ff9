"""The rooms of the package as the code has them: their sizes, what they import, on which floor and in which world.

Read from the sources alone; nothing is imported or run.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "afss_ros"
VALUES = "values"
"""The room of the single files that all others stand on: `perception.py`, `camera.py` and their like."""

BY_ITSELF = "nodes/labelling"
"""A node that runs on the ground, its folder and its program: drawn apart from the nodes that fly."""
SHORTEST = 16
"""Letters of a docstring's first clause that say something by themselves."""


@dataclass(frozen=True)
class Room:
    """A part of the package.

    Attributes:
        lines: of Python in it.
        files: how many Python files those are.
        cells: its folders (of `values`: its files), name and lines, largest first.
        floor: one above the highest room that it imports; `values` is 1.
        flies: whether it runs on board.
        about: the first words of its docstring; empty for `values`.
    """

    name: str
    lines: int
    files: int
    cells: tuple[tuple[str, int], ...]
    floor: int
    flies: bool
    about: str


@dataclass(frozen=True)
class House:
    """The sources below a folder."""

    root: Path = ROOT

    @cached_property
    def modules(self) -> dict[str, Path]:
        """Full name of every module, and its file."""
        names = {}
        for path in sorted((self.root / PACKAGE).rglob("*.py")):
            parts = path.relative_to(self.root).with_suffix("").parts
            names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return names

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """For each module, the full names of all that it imports anywhere, also inside functions."""
        return {name: set(self._imports(path)) for name, path in self.modules.items()}

    def _imports(self, path: Path) -> Iterable[str]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    yield full if full in self.modules else node.module

    @cached_property
    def files_of(self) -> dict[str, list[str]]:
        """The modules of each room."""
        rooms: dict[str, list[str]] = {}
        for name in self.modules:
            rooms.setdefault(self._room(name), []).append(name)
        return rooms

    def _room(self, module: str) -> str:
        parts = module.split(".")
        if "/".join(parts[1:3]).removesuffix("_node") == BY_ITSELF:
            return BY_ITSELF
        return parts[1] if len(parts) > 1 and not self._is_value(module) else VALUES

    def _is_value(self, module: str) -> bool:
        """A single file beside the folders that imports no folder."""
        below = {name for name in self.imports[module] if name in self.modules and name.count(".") > 0}
        alone = module.count(".") == 1 and self.modules[module].name != "__init__.py"
        return alone and all(self.modules[name].parent == self.root / PACKAGE for name in below)

    @cached_property
    def needs(self) -> dict[str, set[str]]:
        """For each room, the rooms that it imports.

        Raises:
            graphlib.CycleError: some import each other in a circle; names them.
        """
        graph: dict[str, set[str]] = {}
        for room, files in self.files_of.items():
            names = {name for file in files for name in self.imports[file] if name in self.modules}
            graph[room] = {self._room(name) for name in names} - {room}
        graph[VALUES] = set()
        TopologicalSorter(graph).prepare()
        return graph

    def below(self, room: str) -> set[str]:
        """All rooms that a room stands on, however far down."""
        return set().union(*({name} | self.below(name) for name in self.needs[room]))

    @cached_property
    def arrows(self) -> list[tuple[str, str]]:
        """Who imports whom, without what follows from other arrows, and without `values`, which all import."""
        return [
            (room, other)
            for room, others in sorted(self.needs.items())
            for other in sorted(others - {VALUES})
            if not any(other in self.below(between) for between in others - {other})
        ]

    def _libraries(self, rooms: Iterable[str]) -> set[str]:
        names = {name for room in rooms for file in self.files_of[room] for name in self.imports[file]}
        return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {PACKAGE}

    @cached_property
    def flying(self) -> set[str]:
        """The rooms that run on board: what the flying nodes stand on, and what needs nothing more than they do."""
        flying = {"nodes"} | self.below("nodes")
        libraries = self._libraries(flying)
        more = {room for room in self.needs if self.below(room) <= flying and self._libraries([room]) <= libraries}
        return flying | more

    @cached_property
    def rooms(self) -> dict[str, Room]:
        """All of them, by name."""
        return {name: self._measure(name) for name in sorted(self.files_of)}

    def _measure(self, room: str) -> Room:
        cells: dict[str, int] = {}
        for name in self.files_of[room]:
            parts = self.modules[name].relative_to(self.root / PACKAGE).parts
            cell = Path(parts[-1]).stem if room == VALUES else parts[1] if len(parts) > 2 and "/" not in room else ""
            cells[cell] = cells.get(cell, 0) + len(self.modules[name].read_text().splitlines())
        named = sorted(
            ((cell, lines) for cell, lines in cells.items() if cell.strip("_") not in ("", "init")), key=_size
        )
        return Room(
            room,
            sum(cells.values()),
            len(self.files_of[room]),
            tuple(named),
            self._floor(room),
            room in self.flying,
            self._about(room),
        )

    def _about(self, room: str) -> str:
        face = self.modules.get(f"{PACKAGE}.{room.replace('/', '.')}")
        docstring = ast.get_docstring(ast.parse(face.read_text())) if face else None
        words = ""
        for part in re.findall(r"[^.:;]+[.:;]?", (docstring or "").partition("\n\n")[0].replace("`", "")):
            words += part
            if len(words) > SHORTEST:
                break
        return " ".join(words.rstrip(".:;").split())

    def _floor(self, room: str) -> int:
        # Above the values, also where a room needs none of them.
        lowest = 0 if room == VALUES else 1
        return 1 + max((self._floor(other) for other in self.needs[room]), default=lowest)


def _size(cell: tuple[str, int]) -> tuple[int, str]:
    return -cell[1], cell[0]


def stale(drawn: Mapping[str, Mapping[str, object]], house: House, *, margin: float = 0.25) -> list[str]:
    """What a picture that shows `drawn` (see `summary`) says wrongly about a house; sizes may be off by `margin`."""
    now = summary(house)
    wrong = [f"{room} is not in the picture" for room in now if room not in drawn]
    wrong += [f"there is no {room} any more" for room in drawn if room not in now]
    for room in now.keys() & drawn.keys():
        for key, value in now[room].items():
            shown = drawn[room].get(key)
            if key == "lines":
                same = isinstance(shown, int) and isinstance(value, int) and abs(shown - value) <= margin * value
            else:
                same = shown == value
            if not same:
                wrong.append(f"{room}: {key} {'are' if key.endswith('s') else 'is'} {value}, the picture has {shown}")
    return sorted(wrong)


def summary(house: House) -> dict[str, dict[str, object]]:
    """What a picture shows of each room, as plain JSON values."""
    return {
        name: {
            "floor": room.floor,
            "world": "on board" if room.flies else "ground",
            "lines": room.lines,
            "cells": sorted(cell for cell, _ in room.cells),
            "imports": [other for this, other in house.arrows if this == name],
        }
        for name, room in house.rooms.items()
    }
