"""Good sets of every form, each broken in one place: what is read and what is named is what is there.

Mutations are generated: every record of an index and every file, dropped, doubled, renamed, moved, cut, or turned into
another type. Nothing may end in a traceback, change another picture's truth, or make a picture one in which nothing is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_sets import BOX, COUNT, SETS, mask

from afss_ros import datasets
from afss_ros.datasets import DatasetError
from afss_ros.datasets.check import Findings, check

Mutate = Callable[[Path], object]
OTHER_TYPES: tuple[Any, ...] = (None, [], {}, "x", -1, float("inf"), [[[]]], True)


def _files(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def _file_mutations(name: str) -> Iterator[tuple[str, Mutate]]:
    yield "dropped", lambda root: (root / name).unlink()
    yield "emptied", lambda root: (root / name).write_bytes(b"")
    yield "cut", lambda root: _replace(root / name, lambda content: content[: len(content) // 2])
    yield "noise", lambda root: _replace(root / name, lambda content: b"\x00\xff" * 40)
    yield "moved", lambda root: shutil.move(root / name, root / f"elsewhere{Path(name).suffix}")
    yield "a folder", lambda root: _become_folder(root / name)
    yield "a link to nothing", lambda root: _become_link(root / name)


def _replace(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def _become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _become_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "gone")


def _records(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values of a JSON document, to a depth of five."""
    items = enumerate(document) if isinstance(document, list) else document.items()
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (list, dict)) and len(path) < 4:
            yield from _records(value, (*path, key))


def _json_mutations(name: str, document: Any, dump: Callable[[Any], str]) -> Iterator[tuple[str, Mutate]]:
    places = list(_records(document))
    chosen = places[:: max(1, len(places) // 24)]
    for place in chosen:
        for number, other in enumerate(OTHER_TYPES):
            if (len(place) + number) % 2 or len(place) < 3:
                yield f"{place} is {other!r}", _edit(name, document, dump, place, _instead(other))
        yield f"{place} dropped", _edit(name, document, dump, place, lambda _: [])
        yield f"{place} doubled", _edit(name, document, dump, place, lambda value: [value, value])


def _instead(value: Any) -> Callable[[Any], list[Any]]:
    return lambda _: [value]


def _edit(
    name: str, document: Any, dump: Callable[[Any], str], place: tuple[Any, ...], change: Callable[[Any], list[Any]]
) -> Mutate:
    def mutate(root: Path) -> None:
        whole = json.loads(json.dumps(document))
        holder = whole
        for key in place[:-1]:
            holder = holder[key]
        new = change(holder[place[-1]])
        if isinstance(holder, list):
            holder[place[-1] : place[-1] + 1] = new
        elif new:
            holder[place[-1]] = new[0]
        else:
            del holder[place[-1]]
        (root / name).write_text(dump(whole))

    return mutate


def _line_mutations(name: str, lines: list[str]) -> Iterator[tuple[str, Mutate]]:
    def written(new: list[str]) -> Mutate:
        return lambda root: (root / name).write_text("\n".join(new) + "\n")

    for i in range(len(lines)):
        rest = lines[i + 1 :]
        yield f"line {i} dropped", written([*lines[:i], *rest])
        yield f"line {i} doubled", written([*lines[: i + 1], lines[i], *rest])
        yield f"line {i} cut", written([*lines[:i], lines[i][: len(lines[i]) // 2], *rest])
        yield f"line {i} nonsense", written([*lines[:i], "\u2603 nonsense", *rest])


def _before(rest: list[str]) -> Callable[[Any], str]:
    """Writes a record as the line before the rest."""
    return lambda first: "\n".join([json.dumps(first), *rest]) + "\n"


def _mutations(root: Path) -> Iterator[tuple[str, Mutate]]:
    for name in _files(root):
        for what, mutate in _file_mutations(name):
            yield f"{name} {what}", mutate
        path = root / name
        if path.suffix == ".json":
            document = json.loads(path.read_text())
            yield from ((f"{name} {w}", m) for w, m in _json_mutations(name, document, json.dumps))
        elif path.suffix == ".jsonl":
            lines = path.read_text().splitlines()
            yield from ((f"{name} {w}", m) for w, m in _line_mutations(name, lines))
            first_line = _before(lines[1:])
            yield from ((f"{name} {w}", m) for w, m in _json_mutations(name, json.loads(lines[0]), first_line))
        elif path.suffix in (".csv", ".txt", ".yaml"):
            yield from ((f"{name} {w}", m) for w, m in _line_mutations(name, path.read_text().splitlines()))


def _read(root: Path) -> tuple[datasets.Dataset, Findings] | str:
    """What is read and found, or why the set as a whole is refused."""
    try:
        dataset = datasets.load(root)
    except DatasetError as err:
        assert str(err)
        return str(err)
    return dataset, check(dataset)


def _truth_of(sample: datasets.Sample) -> np.ndarray | None:
    """The box of the only craft of a sample, empty for none; None where it is unknown."""
    try:
        instances = sample.read_instances()
    except DatasetError:
        return None
    if instances is None or not sample.complete:
        return None
    assert len(instances) < 2, f"{sample.key}: craft of others"
    return np.concatenate([i.box_xyxy for i in instances] or [np.zeros(0, np.float32)])


@pytest.mark.parametrize("form", SETS)
def test_what_is_read_and_what_is_named_is_what_is_there(form: str, tmp_path: Path) -> None:
    good = SETS[form](tmp_path / "good")
    whole = _read(good)
    assert not isinstance(whole, str), whole
    assert len(whole[0]) == COUNT
    assert whole[1].problems == []
    silent: list[str] = []
    for what, mutate in _mutations(good):
        root = tmp_path / "set"
        shutil.copytree(good, root)
        mutate(root)
        outcome = _read(root)
        shutil.rmtree(root)
        if isinstance(outcome, str):
            continue
        dataset, findings = outcome
        said = bool(findings.problems) or bool(findings.notes)
        if len(dataset) != COUNT and not said:
            silent.append(f"{what}: {len(dataset)} samples and not a word")
        for sample in dataset:
            box = _truth_of(sample) if sample.craft_mask is None else None
            if box is None or (box.size and np.allclose(box, BOX, atol=1.5)):
                continue
            if not said:
                silent.append(f"{what}: {sample.key} is {box.tolist()} and not a word")
    assert silent == []


def test_the_craft_of_the_sets_is_what_they_say(tmp_path: Path) -> None:
    for form, write in SETS.items():
        dataset = datasets.load(write(tmp_path / form))
        for sample in dataset:
            known = sample.read_craft_mask()
            if known is not None:
                np.testing.assert_array_equal(known, mask())
            (craft,) = sample.read_instances() or ()
            np.testing.assert_allclose(craft.box_xyxy, BOX, atol=1e-3)
