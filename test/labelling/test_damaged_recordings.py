"""A damaged recording is labelled where it is whole, and everything that says what became of it names the damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recorded import record
from typer.testing import CliRunner

from afss_ros.cli.app import app
from afss_ros.labelling.command import label
from afss_ros.labelling.console import summary
from afss_ros.labelling.manifest import read_manifest
from afss_ros.labelling.settings import load_settings


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """A bag of three files; the second is none."""
    folder = tmp_path / "flight"
    folder.mkdir()
    for part in (0, 2):
        record(folder / f"flight_{part}.mcap", [part, part + 1])
    (folder / "flight_1.mcap").write_text("nothing of a bag")
    return folder


def shown(out: Path) -> dict[str, list[dict[str, str]]]:
    """The data of the report page."""
    page = (out / "report.html").read_text()
    found: dict[str, list[dict[str, str]]] = json.loads(page.split('type="application/json">')[1].split("</script>")[0])
    return found


def test_a_lost_file_is_counted_named_and_told_by_the_exit_code(split: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels"
    result = CliRunner().invoke(app, ["label", str(split), "--out", str(out), "--no-bag", "--keep", ""])
    assert result.exit_code == 3, result.output
    said = " ".join(result.output.split())
    assert "4 frames: 4 labelled" in said and "the recording is damaged in 1 place" in said
    (damage,) = shown(out)["damage"]
    assert "flight_1.mcap is not an MCAP file" in damage["reason"]
    assert "other" in shown(out) and shown(out)["other"] == []


def test_a_damaged_chunk_is_a_place_and_no_frame(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(80))
    content = bytearray(bag.read_bytes())
    content[len(content) // 4 : len(content) // 4 + 500] = bytes(500)
    bag.write_bytes(content)
    settings = load_settings(None, {"frames.every": 6})
    seen = []
    counts = label(bag, tmp_path / "labels", settings, bag=False, advanced=lambda progress: seen.append(progress.seen))
    assert (counts["unreadable"], counts["damaged"]) == (0, 1)
    frames = sum(counts.values()) - 1
    assert 0 < frames < 80 and seen[-1] == frames
    assert summary(counts).startswith(f"{frames} frames: ")
    (reason,) = [r["reason"] for r in read_manifest(tmp_path / "labels" / "manifest.jsonl") if r["status"] == "damaged"]
    assert f"({80 - frames} of /camera/image)" in reason
    assert label(bag, tmp_path / "labels", settings, bag=False) == counts, "a run that goes on finds the same damage"


def test_the_front_of_a_cut_sqlite_bag_is_labelled(tmp_path: Path) -> None:
    """Frames are decoded in a thread of their own, and SQLite objects belong to the thread that opened them."""
    bag = record(tmp_path / "flight", range(6), storage="sqlite3")
    file = bag / "flight.db3"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 2 // 3])
    counts = label(bag, tmp_path / "labels", load_settings(None, {"keep": ""}), bag=False)
    assert counts["kept"] in (2, 3, 4) and counts["damaged"] == 1
