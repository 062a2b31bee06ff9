"""Two slots for a student: one flies, the other is written, tried, and only then flown.

    ROOT/state.json                       which slot flies, and which is on trial
    ROOT/a/student.onnx                   with student.onnx.manifest.json, which is written last and removed first:
    ROOT/b/student.onnx                   a slot without a manifest is empty, whatever else lies in it

Power may go at any moment: the slot that flies is never written to, a slot becomes valid by one rename and the choice
between them is one rename, too. A trial that was not confirmed is no choice: the next start flies what flew before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from afss_ros.student import durable, manifest
from afss_ros.student.errors import StudentError

NAMES = ("a", "b")
MODEL = "student.onnx"
PIECE_BYTES = 64 * 1024
_STATE = "state.json"


class SlotError(StudentError):
    """A slot cannot be written, read or chosen."""


@dataclass(frozen=True, slots=True)
class State:
    """Which slot flies, and which one is on trial ("" for none)."""

    active: str = "a"
    trial: str = ""


def other(name: str) -> str:
    """The slot that is not `name`."""
    return NAMES[1 - NAMES.index(name)]


def model_path(root: Path, name: str) -> Path:
    """Where the student of a slot lies."""
    return root / name / MODEL


def state(root: Path) -> State:
    """What was chosen last; slot a where nothing was yet.

    Raises:
        SlotError: the state cannot be read: choose anew.
    """
    path = root / _STATE
    try:
        document = json.loads(path.read_bytes())
        found = State(document["active"], document["trial"])
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SlotError(f"{path}: cannot be read ({error}); remove it to fly slot a, or b where a is empty") from error
    if found.active not in NAMES or found.trial not in ("", *NAMES) or found.trial == found.active:
        raise SlotError(f"{path}: {document} names no slots; remove it to fly slot a, or b where a is empty")
    return found


def to_fly(root: Path) -> list[Path]:
    """The students of the slots that are whole, the chosen one first; a damaged choice is no reason to fly nothing."""
    try:
        active = state(root).active
    except SlotError:
        active = NAMES[0]
    return [model_path(root, name) for name in (active, other(active)) if fault(root, name) == ""]


def fault(root: Path, name: str) -> str:
    """What is wrong with the files of a slot; "" if they are what their manifest tells of."""
    path = model_path(root, name)
    try:
        expected = manifest.read(path)
        if expected is None:
            return "empty"
        content = path.read_bytes()
        expected.check(str(path), hashlib.sha256(content).hexdigest(), len(content))
    except (OSError, StudentError) as error:
        return str(error)
    return ""


def upload(
    source: Path,
    root: Path,
    *,
    piece_bytes: int = PIECE_BYTES,
    pieces: int | None = None,
    arrived: Callable[[int, int], None] = lambda done, size: None,
) -> bool:
    """Copy a student and its manifest into the slot that does not fly, in pieces; goes on with what arrived before.

    Args:
        source: the student, an `.onnx` with its manifest beside it.
        piece_bytes: written to the disk at once.
        pieces: how many to copy now; None for all.
        arrived: called with the bytes there and the size, after every piece.

    Returns:
        Whether all is there and is what the manifest tells of.

    Raises:
        SlotError: the source has no known answer, the slot is on trial, or what arrived is not what the manifest tells
            of; it is removed.
        ManifestError: the source has no manifest, or one that cannot be read.
    """
    expected = manifest.read(source)
    if expected is None:
        raise SlotError(f"{source} has no manifest beside it; make one: afss manifest {source} --image PICTURE")
    if expected.known_answer is None:
        # Said before the first of its pieces is sent, which may take days.
        raise SlotError(
            f"{source}: its manifest has no known answer to try it on; make one: afss manifest {source} --image PICTURE"
        )
    if piece_bytes < 1:
        raise SlotError(f"a piece has a byte at least, got {piece_bytes}")
    chosen = state(root)
    if chosen.trial:
        raise SlotError(f"slot {chosen.trial} is on trial; confirm it or roll it back before it is written")
    if fault(root, chosen.active) and not fault(root, other(chosen.active)):
        chosen = settle(root, model_path(root, other(chosen.active)))
    name = other(chosen.active)
    path = model_path(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    there = manifest.read(path) if fault(root, name) == "" else None
    if there is not None and there.sha256 == expected.sha256:
        durable.put(manifest.path_of(path), manifest.path_of(source).read_bytes())
        return True
    # From here on the slot is empty until its manifest is there again.
    durable.remove(manifest.path_of(path))
    arriving = path.with_name(f"{MODEL}.{expected.sha256[:16]}.arriving")
    for stale in path.parent.glob(f"{MODEL}.*.arriving"):
        if stale != arriving:
            durable.remove(stale)
    with source.open("rb") as file:
        _begin_again_unless_same(arriving, file.read(arriving.stat().st_size if arriving.exists() else 0))
        file.seek(arriving.stat().st_size if arriving.exists() else 0)
        copied = 0
        while pieces is None or copied < pieces:
            piece = file.read(piece_bytes)
            if not piece:
                break
            durable.append(arriving, piece)
            copied += 1
            arrived(file.tell(), expected.size)
    content = arriving.read_bytes() if arriving.exists() else b""
    if len(content) < min(expected.size, source.stat().st_size):
        return False
    try:
        expected.check(str(source), hashlib.sha256(content).hexdigest(), len(content))
    except StudentError as error:
        durable.remove(arriving)
        raise SlotError(f"what arrived in slot {name} is removed: {error}") from error
    durable.move(arriving, path)
    durable.put(manifest.path_of(path), manifest.path_of(source).read_bytes())
    return True


def begin_trial(root: Path) -> Path:
    """Put the slot that does not fly on trial; returns its student.

    Raises:
        SlotError: it is not whole, or on trial already.
    """
    chosen = state(root)
    name = other(chosen.active)
    if chosen.trial:
        raise SlotError(f"slot {chosen.trial} is on trial already; confirm it or roll it back")
    if wrong := fault(root, name):
        raise SlotError(f"slot {name} cannot be tried: {wrong}")
    _choose(root, State(chosen.active, trial=name))
    return model_path(root, name)


def confirm(root: Path) -> None:
    """Let the slot on trial be the one that flies.

    Raises:
        SlotError: none is on trial.
    """
    chosen = state(root)
    if not chosen.trial:
        raise SlotError("no slot is on trial; upload a student and activate it first")
    _choose(root, State(chosen.trial))


def end_trial(root: Path) -> None:
    """Forget an unconfirmed trial: what flew before flies. At start, after a power cut, too."""
    try:
        chosen = state(root)
    except SlotError:
        durable.remove(root / _STATE)
        return
    if chosen.trial:
        _choose(root, State(chosen.active))


def roll_back(root: Path) -> Path:
    """Choose what flew before: the slot that was active when one is on trial, else the other one; returns its student.

    Raises:
        SlotError: that slot is not whole.
    """
    chosen = state(root)
    name = chosen.active if chosen.trial else other(chosen.active)
    if wrong := fault(root, name):
        raise SlotError(f"cannot go back to slot {name}: {wrong}")
    _choose(root, State(name))
    return model_path(root, name)


def settle(root: Path, flown: Path) -> State:
    """Choose the slot of the student that flies, if it is not the one chosen: what flies is never written to."""
    try:
        chosen = state(root).active
    except SlotError:
        chosen = ""
    if chosen != flown.parent.name:
        _choose(root, State(flown.parent.name))
    return State(flown.parent.name)


def _choose(root: Path, chosen: State) -> None:
    durable.put(root / _STATE, (json.dumps({"active": chosen.active, "trial": chosen.trial}) + "\n").encode())


def _begin_again_unless_same(arriving: Path, beginning: bytes) -> None:
    """Bytes that a power cut garbled, or that are another file's, are not gone on from."""
    if arriving.exists() and arriving.read_bytes() != beginning:
        durable.remove(arriving)
