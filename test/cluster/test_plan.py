"""A plan says what a run will take, writes nothing, and adds up."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import record

from afss_ros import cli
from afss_ros.cluster import Crew
from afss_ros.cluster.estimate import Trial, ceil, planned


def test_ten_million_frames_add_up() -> None:
    trial = Trial(items=10, seconds=5.0, read=2e6, written=4e6)
    plan = planned("frames", 10_000_000, ceil(10_000_000, 8), Crew(workers=100), trial)
    assert plan.hours == pytest.approx(10_000_000 * 0.5 / 100 / 3600)
    said = str(plan)
    assert "10,000,000 frames in 1,250,000 shards" in said
    assert "13.9 hours on 100 workers at 2.00 frames/s each" in said
    assert "2,000.0 GB to read, 4,000.0 GB to write" in said


def test_a_labelling_run_is_planned_by_its_own_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        record(tmp_path / f"{name}.mcap", range(20))  # 0.1 s apart
    command = ["label", str(tmp_path / "a.mcap"), str(tmp_path / "b.mcap"), "--out", str(tmp_path / "out")]
    assert cli.main([*command, "--plan", "--seconds", "0.2", "--workers", "3"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("20 frames in 6 shards\n")  # a look and five batches
    assert "on 3 workers at" in said and "measured just now on 8 frames" in said
    assert "nothing was begun" in said
    assert not (tmp_path / "out").exists()


def test_ten_million_frames_to_render_are_planned_without_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["render", str(tmp_path / "set"), "--count", "10000000", "--size", "48", "--plan"]) == 0
    assert "10,000,000 frames in 1,250,000 shards" in capsys.readouterr().out
    assert not (tmp_path / "set").exists()
