"""python -m examples.geo: draw two towns, learn one, map the other, and score the map."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from afss_ros.cli import app
from examples.geo import town


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every step; the first that fails ends it with its code."""
    parser = argparse.ArgumentParser(prog="make geo-demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/geo"))
    parser.add_argument("--side", type=int, default=1280, help="pixels of a town's side")
    parser.add_argument("--chip", default="256", help="pixels of a chip's side, a multiple of 32")
    parser.add_argument("--minutes", default="2", help="of training")
    options = parser.parse_args(arguments)
    out: Path = options.out
    known, its_truth = town.write(out / "known", options.side, 1)
    other, truth = town.write(out / "other", options.side, 2)
    chips, run, model = str(out / "chips"), str(out / "run"), str(out / "town.onnx")
    steps = (
        ("geo", "info", str(other)),
        ("geo", "chip", str(known), "--labels", str(its_truth), "--size", options.chip, "--overlap", "32",
         "--boundary", "2", "--out", chips),
        ("geo", "split", chips, "--blocks", "2"),
        ("train", "--data", chips, "--student", "unet-tiled", "--minutes", options.minutes, "--out", run),
        ("export", run, "--size", options.chip, "--out", model),
        ("geo", "predict", str(other), "--model", model, "--out", str(out / "map.tif")),
        ("geo", "vectorise", str(out / "map.tif"), "--grow", "1.5", "--simplify", "1", "--out", str(out / "map.gpkg")),
        ("geo", "score", str(out / "map.gpkg"), "--truth", str(truth), "--image", str(other),
         "--json", str(out / "score.json"), "--picture", str(out / "map.png")),
    )  # fmt: skip
    for step in steps:
        sys.stdout.write(f"\nafss {' '.join(step)}\n")
        sys.stdout.flush()
        if code := app.main(list(step)):
            return code
    sys.stdout.write(f"\nlook at {out / 'map.png'}; {out / 'map.gpkg'} opens in QGIS\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
