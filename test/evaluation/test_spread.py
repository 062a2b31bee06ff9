"""An evaluation by several workers has the figures of one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros.cluster import Crew, Tally
from afss_ros.datasets import DatasetWriter, Instance, rle
from afss_ros.evaluation import run


def make(root: Path, count: int) -> None:
    with DatasetWriter(root) as writer:
        for number in range(count):
            image = np.full((64, 64, 3), 20, np.uint8)
            mask = np.zeros((64, 64), bool)
            mask[8 : 24 + number % 9, 10:40] = True
            image[mask] = 100 + 3 * number
            labels = np.where(mask, 2, 0).astype(np.uint8)
            instance = Instance("spacecraft", rle.box_of(mask), rle.encode(mask), 1.0)
            writer.add(f"{number:03d}", image, labels, [instance], image_format="png")


def test_two_workers_find_what_one_process_finds(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "set", 40)
    (tmp_path / "set" / "images" / "017.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)  # a problem names a file as it was given
    advanced: list[int] = []
    told: list[Tally] = []

    def figures(**how: Any) -> dict[str, Any]:
        document = run.run(tiny_student, Path("set"), html=tmp_path / "report.html", **how)
        assert "017" in (tmp_path / "report.html").read_text()
        return {name: value for name, value in document.items() if "latency" not in name}

    many = figures(crew=Crew(workers=2), advance=lambda: advanced.append(1), told=told.append)
    assert many == figures()
    assert many["images"] == 39 and len(many["problems"]) == 1
    assert len(advanced) == 40 and told[-1].done == 2
