"""A prediction by several workers has the bytes of one process, and says what it could not do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from afss_ros.cluster import Crew
from afss_ros.geo import spread
from afss_ros.geo.errors import GeoError
from afss_ros.geo.predict import Job, lay_out, predict, put_strips, student_networks
from afss_ros.geo.spread import predict_by, shards
from afss_ros.geo.stretch import Stretch


def job(folder: Path, student: Path) -> Job:
    image = folder / "scene.tif"
    if not image.exists():
        pixels = np.random.default_rng(5).integers(1, 256, (3, 420, 150)).astype(np.uint8)
        pixels[:, 100:130] = 0
        profile = {"driver": "GTiff", "count": 3, "height": 420, "width": 150, "dtype": "uint8", "crs": "EPSG:32633"}
        with rasterio.open(
            image, "w", transform=rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000), **profile
        ) as file:
            file.write(pixels)
    students, _, names = student_networks(student, "cpu", 1)
    for opened in students:
        opened.close()
    return Job(image, folder / "one.tif", Stretch((0,) * 3, (255,) * 3), names, 64, 20)


def test_two_workers_write_the_bytes_of_one(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "ROWS", 3)
    alone = job(tmp_path, tiny_student)
    students, networks, _ = student_networks(tiny_student, "cpu", 1)
    predict(alone, networks)
    many = replace(alone, out=tmp_path / "many.tif")
    layout = lay_out(many)
    put_strips(many, layout, networks, 4, 6)  # what an earlier run has left
    for student in students:
        student.close()
    assert len(layout.missing) == layout.count - 2 >= 8
    done: list[tuple[int, int]] = []
    predict_by(Crew(workers=2), many, tiny_student, "cpu", report=lambda *at: done.append(at))
    assert done[0] == (2, layout.count) and done[-1] == (layout.count, layout.count)
    assert (tmp_path / "many.tif").read_bytes() == (tmp_path / "one.tif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.tif", "one.tif", "scene.tif"]


def test_what_cannot_be_done_is_named_and_the_rest_is_kept(tiny_student: Path, tmp_path: Path) -> None:
    wanted = job(tmp_path, tiny_student)
    layout = lay_out(wanted)
    # A folder where a strip is to be written: no worker can.
    layout.path(2).with_suffix(".part").mkdir()
    with pytest.raises(
        GeoError, match=r"1 shards cannot be done \(scene.tif: row of tiles 2: .*the other strips are kept"
    ):
        predict_by(Crew(workers=2), wanted, tiny_student, "cpu")
    assert lay_out(wanted).missing == [2]


def test_shards_are_runs_of_what_is_missing() -> None:
    assert [shard.task for shard in shards([0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], "x")] == [
        (0, 2),
        (4, 12),
        (12, 14),
    ]
