"""Building is resumable: a build that was killed goes on, and writes what it would have written."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from processes import PATIENCE_S, kill_group, python, started

from afss_ros.datasets.errors import DatasetError
from afss_ros.refer.sets.build import JOURNAL, build
from afss_ros.refer.sets.journal import Journal


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


class StoppedError(Exception):
    """What a test stops a build with."""


def stopped_after(pictures: int, out: Path, **arguments: object) -> None:
    left = [pictures]

    def advance() -> None:
        left[0] -= 1
        if not left[0]:
            raise StoppedError

    with pytest.raises(StoppedError):
        build("made:4", out, advance=advance, **arguments)  # type: ignore[arg-type]


def test_a_killed_build_goes_on_and_writes_the_same_bytes(tmp_path: Path) -> None:
    out, journal = tmp_path / "killed", tmp_path / "killed" / JOURNAL
    command = python("-m", "afss_ros.cli", "refer", "build", "made:12", "--out", out)
    with started(command) as process:
        deadline = time.monotonic() + PATIENCE_S
        while process.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < 4):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        kill_group(process)
    assert journal.exists() and not (out / "references.jsonl").exists()
    with journal.open("ab") as file:
        file.write(b'{"key": "made-0000')  # the torn end of a line
    first = json.loads(journal.read_text().splitlines()[0])
    with Journal(journal, first["settings"]) as kept:
        assert len(kept.done) >= 3
    (out / "images" / ".made-000003.png.13661").write_bytes(b"")  # as where it is killed while it writes a picture
    done = build("made:12", out)
    whole = build("made:12", tmp_path / "whole")
    assert done == whole and contents(out) == contents(tmp_path / "whole")


def test_what_was_done_is_not_done_again_and_views_keep_their_names(tmp_path: Path) -> None:
    stopped_after(3, tmp_path / "a", degrade="historic")
    first = tmp_path / "a" / "images" / "made-000000.png"
    before = first.stat().st_mtime_ns
    build("made:4", tmp_path / "a", degrade="historic")
    assert first.stat().st_mtime_ns == before
    build("made:4", tmp_path / "b", degrade="historic")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_another_build_is_begun_anew(tmp_path: Path) -> None:
    stopped_after(1, tmp_path / "a", seed=1)
    build("made:4", tmp_path / "a", seed=2)
    build("made:4", tmp_path / "b", seed=2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_two_builds_of_one_folder_are_one_too_many(tmp_path: Path) -> None:
    def again() -> None:
        with pytest.raises(DatasetError, match=r"journal\.jsonl: somebody is writing it; wait for it"):
            build("made:2", tmp_path / "a")

    build("made:1", tmp_path / "a", advance=again)
