"""Windows over a raster: every proposal is asked about once and whole, and answers land where they were asked for."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.sam2 import ask
from afss_ros.geo.sam2.network import Answer
from afss_ros.geo.sam2.prompts import BOTTOM_RIGHT, of_boxes
from afss_ros.geo.sam2.proposals import Layout, Proposals
from afss_ros.geo.sam2.refine import UPPER_BOUND, Counts, Job, Rules, refine
from afss_ros.geo.sam2.tuned import Ready
from afss_ros.geo.stretch import Stretch
from afss_ros.geo.vectors import Features, read_features, write_features
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.values import Box

UTM = "EPSG:32633"
AFFINE = rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000)
PLAIN = Stretch((0,) * 3, (255,) * 3)


class Seeing:
    """A SAM 2 in all but its weights: what it answers is the bright object under the question's middle, exactly."""

    parts: Mapping[str, tuple[str, ...]] = {}
    projections: tuple[str, ...] = ()
    attention, library, side = "", "none", 256

    def __init__(self) -> None:
        self.module: nn.Module = nn.Linear(1, 1)
        self.provenance: dict[str, object] = {"sha256": "seeing"}
        self.asked = 0

    def pixels(self, picture: NDArray[np.uint8]) -> Tensor:
        seen = torch.from_numpy(np.ascontiguousarray(picture[..., :1].transpose(2, 0, 1)))[None].float()
        return nn.functional.interpolate(seen, (self.side, self.side), mode="nearest-exact")

    def embed(self, pixels: Tensor) -> list[Tensor]:
        return [pixels]

    def ask(
        self, features: Sequence[Tensor], points: Tensor, labels: Tensor, masks: Tensor | None, several: bool
    ) -> Answer:
        self.asked += len(points)
        bright = (features[0][0, 0] > 100).numpy()
        middles = (points + 0.5).mean(dim=1).numpy()
        found = np.stack([_under(bright, m) for m in middles])
        count = 3 if several else 1
        logits = torch.from_numpy(np.where(found, 8.0, -8.0)).float()[:, None].expand(-1, count, -1, -1)
        there = torch.from_numpy(np.where(found.any(axis=(1, 2)), 6.0, -6.0)).float()
        return Answer(logits, torch.full((len(points), count), 0.97), there)

    def save(self, folder: Path, module: nn.Module) -> None:
        raise NotImplementedError


def _under(bright: NDArray[np.bool_], point: NDArray[np.float64]) -> NDArray[np.bool_]:
    import cv2

    _, labels = cv2.connectedComponents(bright.astype(np.uint8), connectivity=4)
    x, y = (int(np.clip(v, 0, n - 1)) for v, n in zip(point, bright.shape[::-1], strict=True))
    return np.asarray((labels == labels[y, x]) & bright, bool)


BUILDINGS = [
    (10, 10, 40, 30), (100, 20, 130, 60), (118, 100, 140, 120),  # over a window's border
    (200, 200, 330, 260),  # larger than a window
    (5, 250, 25, 299), (240, 5, 262, 40), (380, 280, 399, 299), (60, 60, 90, 90), (60, 180, 100, 200),
]  # fmt: skip


def scene(folder: Path, affine: rasterio.Affine = AFFINE, off: float = 2.0) -> tuple[Path, Path, Grid]:
    """Bright boxes, and proposals that are up to `off` pixels wrong."""
    pixels = np.full((3, 300, 400), 30, np.uint8)
    for x0, y0, x1, y1 in BUILDINGS:
        pixels[:, y0:y1, x0:x1] = 220
    profile = {"driver": "GTiff", "count": 3, "height": 300, "width": 400, "dtype": "uint8", "crs": UTM,
               "transform": affine}  # fmt: skip
    with rasterio.open(folder / "scene.tif", "w", **profile) as file:
        file.write(pixels)
        grid = Grid(file.crs.to_wkt(), tuple(affine[:6]), 300, 400)
    rng = np.random.default_rng(0)
    shapes = [shapely.box(*(np.array(b) + rng.uniform(-off, off, 4))) for b in BUILDINGS]
    rows = [{"id": i, "score": 0.5 + i / 100, "area_px": int(s.area)} for i, s in enumerate(shapes)]
    write_features(folder / "p.gpkg", Features([shapely.transform(s, grid.to_map) for s in shapes], rows, grid.crs))
    return folder / "scene.tif", folder / "p.gpkg", grid


def job(folder: Path, **changes: Any) -> Job:
    return replace(
        Job(folder / "scene.tif", folder / "out.gpkg", "boxes", folder / "p.gpkg", "", 128, 32, PLAIN), **changes
    )


def seeing(**changes: Any) -> Ready:
    return Ready(Seeing(), "seeing", **changes)


def found_boxes(path: Path, grid: Grid) -> list[tuple[int, ...]]:
    shapes = [shapely.transform(g, grid.to_pixels) for g in read_features(path, grid.crs).geometries]
    return sorted(tuple(np.rint(s.bounds).astype(int).tolist()) for s in shapes)


@pytest.mark.parametrize(
    "affine",
    [AFFINE, rasterio.Affine(0.5, 0, 600_000, 0, 0.5, 5_000_000), rasterio.Affine(0.4, 0.3, 6e5, 0.3, -0.4, 5e6)],
    ids=["north-up", "south-up", "turned"],
)
def test_every_proposal_is_drawn_anew_once_where_it_lies(tmp_path: Path, affine: rasterio.Affine) -> None:
    _, _, grid = scene(tmp_path, affine)
    ready = seeing()
    done: list[tuple[int, int]] = []
    assert refine(job(tmp_path), ready, Rules(), lambda *at: done.append(at)) == Counts(len(BUILDINGS), 0, 0)
    assert isinstance(ready.sam2, Seeing) and ready.sam2.asked == len(BUILDINGS)
    assert done[-1][0] == done[-1][1]
    features = read_features(tmp_path / "out.gpkg", grid.crs)
    by_id = dict(zip((row["id"] for row in features.properties), features.geometries, strict=True))
    for i, (x0, y0, x1, y1) in enumerate(BUILDINGS):
        off = shapely.transform(by_id[i], grid.to_pixels).hausdorff_distance(shapely.box(x0, y0, x1, y1))
        assert off < 1.5, (i, off)  # the network's square has two pixels for each of the window's, or one of two
    row = next(r for r in features.properties if r["id"] == 3)
    assert row["score"] == 0.53 and row["refined"] == 1 and row["prompt"] == "box" and row["sam2_score"] == 0.97
    assert row["area_px"] == pytest.approx(130 * 60, rel=0.03)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.gpkg", "p.gpkg", "scene.tif"]


def test_an_answer_that_is_another_thing_leaves_the_proposal_as_it_was(tmp_path: Path) -> None:
    _, path, grid = scene(tmp_path)
    wrong = [
        shapely.box(*(v + d for v, d in zip(BUILDINGS[0], (0, 0, 60, 90), strict=True))),
        shapely.box(300, 60, 320, 80),
    ]
    write_features(path, Features([shapely.transform(s, grid.to_map) for s in wrong], [{"id": 7}, {"id": 8}], grid.crs))
    assert refine(job(tmp_path), seeing(), Rules()) == Counts(0, 2, 0)
    features = read_features(tmp_path / "out.gpkg", grid.crs)
    assert all(g.equals(shapely.transform(w, grid.to_map)) for g, w in zip(features.geometries, wrong, strict=True))
    assert refine(job(tmp_path), seeing(), Rules(reject=0.5)) == Counts(0, 0, 2)  # there is nothing under their middles


def test_the_truths_own_boxes_are_an_upper_bound_by_name(tmp_path: Path) -> None:
    _, path, grid = scene(tmp_path)
    bare = Features([shapely.transform(shapely.box(300, 60, 320, 80), grid.to_map)], [{"secret": 1}], grid.crs)
    write_features(path, bare)
    assert refine(job(tmp_path, kind="truth"), seeing(), Rules()) == Counts(0, 0, 1)
    scene(tmp_path)
    refine(job(tmp_path, kind="truth"), seeing(), Rules())
    rows = read_features(tmp_path / "out.gpkg").properties
    assert {row["prompt"] for row in rows} == {UPPER_BOUND}
    assert all("id" not in row and row["score"] == 0.97 for row in rows)


def test_a_grid_of_points_finds_each_object_once(tmp_path: Path) -> None:
    _, _, grid = scene(tmp_path)
    ready = seeing()
    ready.sam2.side = 128
    counts = refine(job(tmp_path, kind="grid", proposals=None, overlap=64), ready, Rules(points=8))
    assert found_boxes(tmp_path / "out.gpkg", grid) == sorted(b for b in BUILDINGS if b != BUILDINGS[3])
    assert counts == Counts(len(BUILDINGS) - 1, 0, 0)  # the one that no window shows whole is not cut up


class Detecting:
    """A text detector that knows bright things."""

    reads, classes = True, ("spacecraft",)
    provenance: Mapping[str, object] = {"detector": "detecting"}

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Prompts) -> list[list[Box]]:
        import cv2

        assert prompts.phrases["spacecraft"] == ("building",)
        _, _, facts, _ = cv2.connectedComponentsWithStats((images[0][..., 0] > 100).astype(np.uint8))
        boxes = [np.array([x, y, x + w, y + h], np.float32) for x, y, w, h, _ in facts[1:].tolist()]
        return [[Box("spacecraft", box, 0.7) for box in boxes]]


def test_a_text_detectors_boxes_do_so_too(tmp_path: Path) -> None:
    _, _, grid = scene(tmp_path)
    text = job(tmp_path, kind="text", proposals=None, text="building", overlap=64)
    refine(text, seeing(), Rules(), detector=Detecting())
    assert found_boxes(tmp_path / "out.gpkg", grid) == sorted(b for b in BUILDINGS if b != BUILDINGS[3])


def test_probabilities_are_proposals_too(tmp_path: Path) -> None:
    image, _, grid = scene(tmp_path)
    with rasterio.open(image) as file:
        seen = (file.read(1) > 100).astype(np.uint8) * 200
        profile = {**file.profile, "count": 1}
    with rasterio.open(tmp_path / "city.tif", "w", **profile) as file:
        file.write(seen, 1)
    assert refine(job(tmp_path, proposals=tmp_path / "city.tif"), seeing(), Rules()).drawn == len(BUILDINGS)
    assert found_boxes(tmp_path / "out.gpkg", grid) == sorted(BUILDINGS)


def test_other_files_in_other_coordinates_are_taken(tmp_path: Path) -> None:
    _, path, _grid = scene(tmp_path)
    write_features(tmp_path / "p.geojson", read_features(path))
    out = tmp_path / "out.geojson"
    assert refine(job(tmp_path, proposals=tmp_path / "p.geojson", out=out), seeing(), Rules()).drawn == len(BUILDINGS)
    assert len(read_features(out)) == len(BUILDINGS)


class KilledError(Exception):
    pass


def test_a_killed_run_goes_on_behind_its_last_row(tmp_path: Path) -> None:
    _, _, _grid = scene(tmp_path)
    refine(job(tmp_path), seeing(), Rules())
    whole = [(g.wkb, r) for g, r in zip(*_content(tmp_path / "out.gpkg"), strict=True)]
    (tmp_path / "out.gpkg").unlink()

    def end(done: int, total: int) -> None:
        if done == 2:
            raise KilledError

    with pytest.raises(KilledError):
        refine(job(tmp_path), seeing(), Rules(), end)
    assert not (tmp_path / "out.gpkg").exists() and (tmp_path / ".out.gpkg.rows" / "000000.jsonl").exists()
    ready = seeing()
    refine(job(tmp_path), ready, Rules())
    assert isinstance(ready.sam2, Seeing) and 0 < ready.sam2.asked < len(BUILDINGS)
    assert [(g.wkb, r) for g, r in zip(*_content(tmp_path / "out.gpkg"), strict=True)] == whole


def _content(path: Path) -> tuple[list[Any], list[dict[str, Any]]]:
    features = read_features(path, duplicates="keep")
    return features.geometries, features.properties


def test_memory_does_not_grow_with_the_height(tmp_path: Path) -> None:
    def peak(height: int) -> int:
        folder = tmp_path / str(height)
        folder.mkdir()
        profile = {"driver": "GTiff", "count": 3, "height": height, "width": 128, "dtype": "uint8", "crs": UTM,
                   "transform": AFFINE}  # fmt: skip
        with rasterio.open(folder / "scene.tif", "w", **profile) as file:
            file.write(np.full((3, height, 128), 90, np.uint8))
            grid = Grid(file.crs.to_wkt(), tuple(AFFINE[:6]), height, 128)
        shapes = [shapely.transform(shapely.box(20, y, 60, y + 30), grid.to_map) for y in range(5, height - 40, 50)]
        write_features(folder / "p.gpkg", Features(shapes, crs=grid.crs))
        tracemalloc.start()
        try:
            refine(job(folder), seeing(), Rules(least_overlap=0))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(256)
    assert peak(2560) < peak(640) + 300_000


def test_nothing_to_refine_is_a_layer_all_the_same(tmp_path: Path) -> None:
    _, path, grid = scene(tmp_path)
    write_features(path, Features([], crs=grid.crs))
    assert refine(job(tmp_path), seeing(), Rules()) == Counts()
    assert len(read_features(tmp_path / "out.gpkg")) == 0


def test_what_cannot_be_refined_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    _, path, grid = scene(tmp_path)
    there = sorted(p.name for p in tmp_path.iterdir())
    far = tmp_path / "far.gpkg"
    for changes, told in (
        ({"out": path}, "proposals itself"),
        ({"out": tmp_path / "o.shp"}, "gpkg"),
        ({"window": 16}, "32 pixels"),
        ({"overlap": 128}, "overlap"),
        ({"tone": Stretch((0,), (1,))}, "stretch has 1"),
        ({"proposals": None}, "name polygons"),
        ({"kind": "text", "proposals": None}, "needs a text"),
    ):
        with pytest.raises(GeoError, match=told):
            refine(job(tmp_path, **changes), seeing(), Rules())
        assert sorted(p.name for p in tmp_path.iterdir()) == there
    write_features(far, Features([shapely.box(4e5, 4e6, 4e5 + 9, 4e6 + 9)], crs=grid.crs))
    with pytest.raises(GeoError, match="does not touch"):
        refine(job(tmp_path, proposals=far), seeing(), Rules())
    lines = tmp_path / "lines.geojson"
    write_features(
        lines, Features([shapely.transform(shapely.LineString([(5, 5), (50, 50)]), grid.to_map)], crs=grid.crs)
    )
    with pytest.raises(GeoError, match="lines"):
        refine(job(tmp_path, proposals=lines), seeing(), Rules())


def test_windows_own_every_place_once(tmp_path: Path) -> None:
    _, path, grid = scene(tmp_path)
    layout = Layout(grid, 128, 32)
    points = np.stack(np.meshgrid(np.arange(-5, 410, 3.0), np.arange(-5, 310, 3.0)), axis=-1).reshape(-1, 2)
    owners = layout.owner(points)
    assert owners.min() == 0 and owners.max(axis=0).tolist() == [len(layout.rows) - 1, len(layout.cols) - 1]
    inside = ((points > 0) & (points < [grid.width, grid.height])).all(axis=1)
    for (row, col), (x, y) in zip(owners[inside].tolist(), points[inside].tolist(), strict=True):
        window = layout.window(row, col)
        assert window.col <= x <= window.col + 128 and window.row <= y <= window.row + 128
    proposals = Proposals(path, layout, tmp_path, Path("scene.tif"))
    every = [r["id"] for row in range(len(layout.rows)) for some in proposals.of_row(row).values() for _, r in some]
    assert sorted(every) == list(range(len(BUILDINGS))) == list(range(len(proposals)))
    assert proposals.windows() <= len(layout.rows) * len(layout.cols)


def test_one_answer_is_one_object(tmp_path: Path) -> None:
    mask = np.zeros((30, 40), bool)
    mask[2:5, 2:5] = mask[10:20, 10:30] = True
    mask[14:16, 15:20] = False
    polygon, pixels = ask.largest(mask, Window(100, 200, 30, 40))
    assert polygon.bounds == (210, 110, 230, 120) and pixels == polygon.area == 190 and len(polygon.interiors) == 1
    assert ask.largest(np.zeros((3, 3), bool), Window(0, 0, 3, 3)) == (None, 0)


def test_of_two_that_share_ground_the_surer_stays() -> None:
    shapes = [shapely.box(0, 0, 10, 10), shapely.box(1, 1, 5, 5), shapely.box(9, 0, 20, 10), shapely.box(0, 0, 9, 10)]
    assert ask.apart(shapes, [0.5, 0.9, 0.4, 0.6]) == [1, 2]
    assert ask.apart(shapes, [0.5, 0.1, 0.4, 0.4]) == [0, 2]
    assert ask.apart(shapes[:1], [0.9], [shapely.box(0, 0, 9, 9)]) == []


def test_points_cover_the_whole_window_also_one_that_is_not_square() -> None:
    valid = np.ones((40, 80), bool)
    valid[:, :20] = False
    points = ask.points_over(valid, 8)
    assert len(points) == 48
    assert points.min(axis=0).tolist() == [25, 2.5] and points.max(axis=0).tolist() == [75, 37.5]


def test_questions_land_on_windows_of_any_shape() -> None:
    for shape in ((60, 120), (120, 60), (90, 90)):
        picture = np.full((*shape, 3), 20, np.uint8)
        picture[30:50, 10:40] = 200
        asked = of_boxes(np.array([[9, 29, 41, 51]]))
        assert asked.labels[0, 1] == BOTTOM_RIGHT
        found = list(ask.Asker(seeing())(picture, np.ones(shape, bool), Window(1000, 2000, *shape), asked))
        assert len(found) == 1 and found[0].polygon is not None
        assert np.abs(np.array(found[0].polygon.bounds) - [2010, 1030, 2040, 1050]).max() <= 1
