"""Two slots: whatever step the power goes at, what flies is whole, and the update can be gone on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros.student import durable, manifest, slots
from afss_ros.student.known_answer import KnownAnswer
from afss_ros.student.slots import SlotError

OLD, NEW = bytes(range(200)), bytes(reversed(range(250)))
PIECE = 100


class PowerCutError(Exception):
    """The power went."""


class Disk:
    """Counts steps on the disk, and lets the power go at one of them: before it, or in its midst."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = 0
        self._cut_at: int | None = None
        self._midst = False
        for name in ("append", "move", "remove"):
            monkeypatch.setattr(durable, name, self._counted(name, getattr(durable, name)))

    def cut(self, at: int | None, *, midst: bool = False) -> None:
        self.steps, self._cut_at, self._midst = 0, at, midst

    def _counted(self, name: str, real: Callable[..., None]) -> Callable[..., None]:
        def step(*arguments: Any) -> None:
            if self.steps == self._cut_at:
                if self._midst and name == "append":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2] + b"\0")
                elif self._midst:
                    real(*arguments)
                raise PowerCutError
            self.steps += 1
            real(*arguments)

        return step


def _student(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    known = KnownAnswer(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8))
    manifest.write(path, manifest.of_file(path, known))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Slots of which a flies the old student and b is empty."""
    _student(slots.model_path(tmp_path / "slots", "a"), OLD)
    return tmp_path / "slots"


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return _student(tmp_path / "ground" / "new.onnx", NEW)


def _update(new: Path, root: Path) -> None:
    slots.end_trial(root)
    if slots.to_fly(root)[0].read_bytes() == NEW:
        return
    assert slots.upload(new, root, piece_bytes=PIECE)
    slots.begin_trial(root)
    slots.confirm(root)


@pytest.mark.parametrize("midst", [False, True])
def test_a_power_cut_at_every_step_ends_on_a_slot_that_works(
    root: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, midst: bool
) -> None:
    disk = Disk(monkeypatch)
    cuts = 0
    while True:
        here = tmp_path / f"cut{cuts}"
        _student(slots.model_path(here, "a"), OLD)
        # What lies in b is an older update: it must not fly in the meantime.
        _student(slots.model_path(here, "b"), b"older")
        disk.cut(cuts, midst=midst)
        try:
            _update(new, here)
        except PowerCutError:
            disk.cut(None)
            assert slots.to_fly(here)[0].read_bytes() in (OLD, NEW)
            _update(new, here)
            assert slots.to_fly(here)[0].read_bytes() == NEW
            assert slots.to_fly(here)[1].read_bytes() == OLD
            cuts += 1
            continue
        break
    assert cuts == disk.steps >= 8


def test_an_upload_goes_on_where_it_ended(root: Path, new: Path) -> None:
    seen: list[int] = []
    assert not slots.upload(new, root, piece_bytes=PIECE, pieces=1, arrived=lambda done, _: seen.append(done))
    assert slots.fault(root, "b") == "empty"
    assert slots.upload(new, root, piece_bytes=PIECE, arrived=lambda done, _: seen.append(done))
    assert seen == [100, 200, 250]
    assert slots.model_path(root, "b").read_bytes() == NEW


def test_what_is_not_what_its_manifest_tells_of_is_removed(root: Path, new: Path) -> None:
    new.write_bytes(NEW[:-1] + b"x")
    with pytest.raises(SlotError, match=r"removed: .* is not the file that its manifest tells of"):
        slots.upload(new, root)
    assert [path.name for path in (root / "b").iterdir()] == []
    with pytest.raises(SlotError, match="slot b cannot be tried: empty"):
        slots.begin_trial(root)


def test_a_source_cut_short_is_refused(root: Path, new: Path) -> None:
    new.write_bytes(NEW[:120])
    with pytest.raises(SlotError, match="120 bytes"):
        slots.upload(new, root)


def test_a_student_without_a_manifest_is_not_uploaded(root: Path, new: Path) -> None:
    manifest.path_of(new).unlink()
    with pytest.raises(SlotError, match="has no manifest beside it; make one"):
        slots.upload(new, root)


def test_an_unconfirmed_trial_is_rolled_back_at_the_next_start(root: Path, new: Path) -> None:
    slots.upload(new, root)
    assert slots.begin_trial(root).read_bytes() == NEW
    with pytest.raises(SlotError, match="slot b is on trial"):
        slots.upload(new, root)
    assert slots.to_fly(root)[0].read_bytes() == OLD
    slots.end_trial(root)
    assert slots.state(root) == slots.State("a")
    with pytest.raises(SlotError, match="no slot is on trial"):
        slots.confirm(root)


def test_a_confirmed_student_can_be_rolled_back(root: Path, new: Path) -> None:
    _update(new, root)
    assert slots.roll_back(root).read_bytes() == OLD
    assert slots.to_fly(root)[0].read_bytes() == OLD


def test_an_update_never_overwrites_the_only_slot_that_works(root: Path, new: Path) -> None:
    _update(new, root)
    slots.model_path(root, "b").write_bytes(b"rotten")
    assert not slots.upload(new, root, piece_bytes=PIECE, pieces=1)
    assert [path.read_bytes() for path in slots.to_fly(root)] == [OLD]


def test_nobody_goes_back_to_an_empty_slot(root: Path) -> None:
    with pytest.raises(SlotError, match="cannot go back to slot b: empty"):
        slots.roll_back(root)


def test_a_rotten_slot_is_passed_over(root: Path, new: Path) -> None:
    _update(new, root)
    slots.model_path(root, "b").write_bytes(NEW[:-1] + b"x")
    assert [path.read_bytes() for path in slots.to_fly(root)] == [OLD]


@pytest.mark.parametrize("content", ["", "[]", '{"active": "c", "trial": ""}', '{"active": "a", "trial": "a"}'])
def test_a_rotten_choice_flies_what_is_whole(root: Path, content: str) -> None:
    (root / "state.json").write_text(content)
    assert [path.read_bytes() for path in slots.to_fly(root)] == [OLD]
    with pytest.raises(SlotError, match=r"state\.json"):
        slots.state(root)
    slots.end_trial(root)
    assert slots.state(root) == slots.State("a")


def test_a_student_that_could_not_be_tried_is_not_sent(tmp_path: Path) -> None:
    new = _student(tmp_path / "new.onnx", b"new")
    manifest.write(new, manifest.of_file(new))
    with pytest.raises(SlotError, match="no known answer to try it on; make one: afss manifest"):
        slots.upload(new, tmp_path / "slots")
    assert not (tmp_path / "slots").exists()
