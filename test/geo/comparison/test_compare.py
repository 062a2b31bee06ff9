"""The whole comparison on a drawn town, small; and its table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from tiny_teachers import save_sam2

from afss_ros.cli import main
from afss_ros.geo.comparison import scored, table
from afss_ros.geo.scores.scoring import Place
from afss_ros.geo.vectors import Features, wkt_of

UTM = "EPSG:32633"


@pytest.mark.usefixtures("children")
def test_a_comparison_goes_to_the_end_and_is_not_done_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from examples.geo import town

    image, truth = town.write(tmp_path / "town", 384, 1)
    save_sam2(tmp_path / "sam2", 64)
    command = ["geo", "compare", str(image), "--labels", str(truth), "--out", str(tmp_path / "out"), "--channels",
               "boundary", "--seeds", "1", "--epochs", "1", "--size", "96", "--blocks", "1", "--no-guard", "--sam2",
               str(tmp_path / "sam2"), "--sam2-iterations", "1", "--corrections", "0", "--objects", "8",
               "--least-score", "0", "--threads", "1"]  # fmt: skip
    assert main(command) == 0
    said = capsys.readouterr().out
    document = json.loads((tmp_path / "out/table.json").read_text())
    methods = {"unet-tiled, boundary", "unet-tiled, boundary, refined by SAM 2", "SAM 2, truth box (upper bound)"}
    assert {(r["method"], r["seed"]) for r in document["results"]} == {(method, 0) for method in methods}
    assert all(0 <= r["f1"] <= 1 and r["tp"] + r["fn"] > 0 for r in document["results"])
    assert len({r["tp"] + r["fn"] for r in document["results"]}) == 1  # the same truth for all
    assert all(f"| {method} |" in said for method in methods) and "touch a training chip" in said
    assert document["splits"]["ground, blocks 0"]["chips"]["test"] > 0
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/runs").rglob("*") if path.is_file()}
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert main([*command, "--size", "64"]) == 1
    assert "another comparison (size differ)" in capsys.readouterr().err.replace("\n", " ")


def test_what_is_chosen_is_chosen_on_validation() -> None:
    places = [Place(rasterio.Affine(1, 0, x, 0, -1, 5e6), wkt_of(UTM), (100, 100)) for x in (6e5, 6e5 + 100)]
    chips = [scored.Chip(n, Path("scene.tif"), p) for n, p in zip(("validation", "test"), places, strict=True)]

    def shapes(boxes: list[tuple[int, int, float]]) -> dict[Path, Features]:
        found = [shapely.box(6e5 + x, 5e6 - y - 10, 6e5 + x + 10, 5e6 - y) for x, y, _ in boxes]
        return {Path("scene.tif"): Features(found, [{"score": s} for _, _, s in boxes], wkt_of(UTM))}

    known = shapes([(10, 10, 1), (40, 10, 1), (110, 10, 1), (140, 10, 1), (170, 10, 1)])
    # At 0.3 validation is perfect once what is less sure than 0.6 is left out; at 0.7 the test would be.
    low = shapes([(10, 10, 0.9), (40, 10, 0.6), (70, 70, 0.5), (110, 10, 0.9), (140, 10, 0.5), (195, 50, 0.8)])
    high = shapes([(10, 10, 0.9), (110, 10, 0.9), (140, 10, 0.9), (170, 10, 0.9)])
    found = scored.score(known, {0.3: low, 0.7: high}, chips[:1], chips[1:])
    assert (found.threshold, found.score.confidence, found.validation_f1) == (0.3, 0.6, 1.0)
    counts = found.score.images["test"]
    assert (counts.tp, counts.fp, counts.fn) == (1, 1, 2)  # the last is cut by the chip, and large enough to be false
    assert found.pixels.iou() == pytest.approx(100 / 350)
    whole = scored.near(known[Path("scene.tif")], chips[:1])
    assert len(whole) == 2


def test_the_table_tells_means_spreads_and_gains() -> None:
    def record(method: str, seed: int, f1: float, **more: object) -> dict[str, object]:
        cities = {"AOI_2_Vegas": {"f1": f1 + 0.1}, "AOI_3_Paris": {"f1": f1 - 0.1}}
        return {"method": method, "seed": seed, "f1": f1, "tp": 5, "fp": 2, "fn": 3, "pixel_iou": 0.5, "threshold": 0.4,
                "cities": cities, **more}  # fmt: skip

    results = [record("u", s, f) for s, f in enumerate((0.5, 0.6))]
    results += [record("u, refined", s, f, of="u") for s, f in enumerate((0.6, 0.65))]
    split = {"chips": {"train": 7, "val": 1}, "touching": {"val": 1}}
    plan = {"seeds": [0, 1], "sam2": {"checkpoint": "noise"}}
    text = table.markdown({"plan": plan, "splits": {"ground": split}, "results": results})
    sd = np.std([0.5, 0.6], ddof=1)
    assert f"| u | 0.5500 ± {sd:.4f} | 0.5000, 0.6000 | 5.0 | 2.0 | 3.0 | 0.5000 | 0.4, 0.4 |" in text
    assert "| u | +0.0750 ± 0.0354 | +0.1000, +0.0500 |" in text
    assert "| method | AOI_2_Vegas | AOI_3_Paris |" in text and "| ground | train 7, val 1 | val 1 |" in text
