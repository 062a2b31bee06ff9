"""`afss ablate`: one loop run several times with something changed, and what each change is worth.

All rows run in one folder of steps, so they share everything that they have in common: the recordings, the labels, the
selection, the students of earlier rounds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from afss_ros.datasets.files import write_atomically
from afss_ros.distill.recipe import Section
from afss_ros.loop import ablation_html
from afss_ros.loop import config as loops
from afss_ros.loop.config import LoopConfig
from afss_ros.loop.errors import LoopError
from afss_ros.loop.gain import Draws, figure, kind_of
from afss_ros.loop.run import execute, objects_of
from afss_ros.loop.steps import Done, Steps

Told = Callable[[str], None]
Drawn = tuple[float, NDArray[Any]]


class Row(Section):
    """One loop of an ablation."""

    name: str = Field(min_length=1)
    after: str | None = Field(None, description="The row that this one changes and is compared with; null: the last.")
    changes: dict[str, Any] = Field(default_factory=dict, description="Dotted names of the loop's configuration.")


class AblationConfig(Section):
    """What is changed, in which order."""

    loop: dict[str, Any] = Field(description="The loop that the first row changes; in a file, a path is read.")
    rows: tuple[Row, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="Each row is trained once with each of these.")
    resamples: int = Field(500, ge=20, description="Of the bootstrap behind the intervals.")

    @model_validator(mode="after")
    def _rows_follow_each_other(self) -> AblationConfig:
        known: list[str] = []
        for row in self.rows:
            if row.name in known:
                raise ValueError(f"rows must differ in name, got {row.name!r} twice")
            if row.after is not None and row.after not in known:
                raise ValueError(f"{row.name!r} comes after {row.after!r}, which is no row before it")
            known.append(row.name)
        return self

    def before(self, row: Row) -> Row | None:
        """The row that this one is compared with; None for the first."""
        if row.after is not None:
            return next(other for other in self.rows if other.name == row.after)
        place = self.rows.index(row)
        return self.rows[place - 1] if place else None

    def loop_of(self, row: Row, seed: int) -> LoopConfig:
        """The configuration of one training of a row: all changes on the way to it.

        Raises:
            LoopError, DistillError, TeacherError: it is none.
        """
        chain: list[Row] = []
        place: Row | None = row
        while place is not None:
            chain.append(place)
            place = self.before(place)
        document = self.loop
        for changing in reversed(chain):
            document = loops.changed(document, changing.changes)
        return loops.parse(loops.changed(document, {"train.seed": seed}), where=f"row {row.name!r}")


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> AblationConfig:
    """Read an `ablation.yaml`; the loops of all rows are checked now.

    Args:
        overrides: dotted names to values, e.g. `{"loop.render.frames": 4}`; they win over the files.

    Raises:
        LoopError: it is no YAML, or lists every fault with its place.
        DistillError, TeacherError: a row's recipe or labelling is wrong.
        OSError: it, or the loop that it names, cannot be read.
    """
    document = loops.read(path)
    if isinstance(document.get("loop"), str):
        document = {**document, "loop": loops.read(path.parent / document["loop"])}
    try:
        config = AblationConfig.model_validate(loops.changed(document, overrides or {}))
    except ValidationError as err:
        raise LoopError(f"{path}: {loops.faults(err, 'ablation')}") from err
    for row in config.rows:
        config.loop_of(row, 0)
    return config


def run(config: AblationConfig, root: Path, *, told: Told = lambda line: None) -> list[dict[str, Any]]:
    """Run every row into `root`, or go on where it was stopped.

    Writes `ablation.json`, `ablation.md` and `ablation.html`, after each row with the rows so far.

    Returns:
        A document for each row: its name, what it is compared with, its changes, how many images were learned from in
        its last round, and figures (see `gain.figure`) of its teacher, its student, the student's difference to the
        row that it is compared with, and to the best teacher of all rows.

    Raises:
        LoopError, TeacherError, DistillError, DatasetError: with the cure; running again goes on.
    """
    done: dict[str, tuple[Done, list[Done], int]] = {}
    drawn: dict[tuple[str, ...], Drawn] = {}
    rows: list[dict[str, Any]] = []
    for row in config.rows:
        teachers, students, images = [], [], 0
        for seed in config.seeds:
            executed = execute(config.loop_of(row, seed), Steps(root), _prefixed(told, f"{row.name}, seed {seed}"))
            teachers.append(executed.teacher)
            students.append(executed.rounds[-1].judged)
            images = executed.rounds[-1].selected.result["by_split"].get("train", 0)
        done[row.name] = teachers[0], students, images
        told(f"{row.name}: intervals")
        rows = _figures(config, done, drawn)
        write_atomically(root / "ablation.json", (json.dumps(rows, indent=1) + "\n").encode())
        write_atomically(root / "ablation.md", (table(rows) + "\n").encode())
        ablation_html.write(root / "ablation.html", config.model_dump(mode="json"), rows)
    return rows


def _figures(
    config: AblationConfig, done: Mapping[str, tuple[Done, list[Done], int]], drawn: dict[tuple[str, ...], Drawn]
) -> list[dict[str, Any]]:
    """The documents of the rows that are done; `drawn` keeps the draws of what was judged, by its folders."""
    first = objects_of(next(iter(done.values()))[0])
    kind = kind_of(first)
    draws = Draws(list(first), kind, config.resamples)

    def of(judged: Sequence[Done]) -> Drawn:
        key = tuple(one.folder.name for one in judged)
        if key not in drawn:
            drawn[key] = draws([objects_of(one) for one in judged])
        return drawn[key]

    teachers = {name: of([teacher]) for name, (teacher, _, _) in done.items()}
    students = {name: of(judged) for name, (_, judged, _) in done.items()}
    best = max(teachers.values(), key=lambda pair: pair[0])
    rows = []
    for row in (row for row in config.rows if row.name in done):
        before = config.before(row)
        rows.append(
            {
                "name": row.name,
                "after": None if before is None else before.name,
                "changes": row.changes,
                "images": done[row.name][2],
                "kind": kind,
                "teacher": figure(*teachers[row.name]),
                "student": figure(*students[row.name]),
                "worth": None if before is None else _difference(students[row.name], students[before.name]),
                "over_teacher": _difference(students[row.name], best),
            }
        )
    return rows


def _difference(one: Drawn, other: Drawn) -> dict[str, Any]:
    return figure(one[0] - other[0], one[1] - other[1])


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows in Markdown: average precision in points, with 95 % intervals."""
    kind = "mask" if rows[0]["kind"] == "segm" else "box"
    lines = [
        f"| | images | teacher, {kind} AP | student, {kind} AP | worth | against | over the best teacher |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for row in rows:
        worth = "" if row["worth"] is None else _signed(row["worth"])
        cells = [row["name"], str(row["images"]), _plain(row["teacher"]), _plain(row["student"]), worth]
        lines.append(f"| {' | '.join([*cells, row['after'] or '', _signed(row['over_teacher'])])} |")
    return "\n".join(lines)


def _plain(part: Mapping[str, Any]) -> str:
    return _points(part, "{:.1f}")


def _signed(part: Mapping[str, Any]) -> str:
    return _points(part, "{:+.1f}")


def _points(part: Mapping[str, Any], form: str) -> str:
    bounds = part["interval"]
    value = form.format(100 * part["value"])
    return value if bounds is None else f"{value} ({' to '.join(form.format(100 * b) for b in bounds)})"


def _prefixed(told: Told, prefix: str) -> Told:
    return lambda line: told(f"{prefix}: {line}")
