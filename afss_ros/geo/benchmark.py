"""How fast `afss geo predict` is, beside reading and writing alone and beside the usual way; and what memory it takes.

    python -m afss_ros.geo.benchmark --model models/student.onnx [--side 4096] [--turns 5] [--memory 10000 20000]

The usual way, as scripts have it: the whole raster into memory, one tile after the other through a student of as many
threads as there are processors, sums and weights of the whole, and one file at the end. Beside it the networks alone on
as many tiles: what no streaming can undercut. Ways take turns, because other work on the machine comes and goes, and
are compared within a turn. Memory is the peak of a process of its own, without a network.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as GdalWindow

from afss_ros.geo import predict as prediction
from afss_ros.geo.grid import axis
from afss_ros.geo.looks import Network
from afss_ros.geo.outlines import Rules
from afss_ros.geo.raster import bounded
from afss_ros.geo.stretch import Stretch
from afss_ros.geo.vectorise import vectorise
from afss_ros.student import Student
from afss_ros.student.tiling import weights

_DEPTH = 2047
_BLOCK = 512
_FLAT = Stretch((0.0,) * 3, (float(_DEPTH),) * 3)


def write_scene(path: Path, side: int) -> Path:
    """A raster of `side` x `side` x 3 uint16 with 11 bits, tiled and deflated, as a sensor's product is."""
    rng = np.random.default_rng(0)
    soft = rng.integers(200, _DEPTH, (3, _BLOCK // 16, _BLOCK // 16))
    block = np.kron(soft, np.ones((1, 16, 16))) + rng.integers(-100, 100, (3, _BLOCK, _BLOCK))
    block = block.clip(1, _DEPTH).astype(np.uint16)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 3, "height": side, "width": side, "crs": "EPSG:32636",
               "transform": rasterio.Affine(0.3, 0, 452_000, 0, -0.3, 36_000), "tiled": True, "blockxsize": _BLOCK,
               "blockysize": _BLOCK, "compress": "deflate", "zlevel": 1, "BIGTIFF": "IF_SAFER"}  # fmt: skip
    with bounded(), rasterio.open(path, "w", **profile) as file:
        for row in range(0, side, _BLOCK):
            for col in range(0, side, _BLOCK):
                height, width = min(_BLOCK, side - row), min(_BLOCK, side - col)
                file.write(block[:, :height, :width], window=GdalWindow(col, row, width, height))
    return path


def measure_speed(model: Path, side: int, turns: int, provider: str = "auto") -> dict[str, Any]:
    """Seconds of each way over the same raster with the same student, and medians over the turns of their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = write_scene(folder / "scene.tif", side)
        students, networks, names = prediction.student_networks(model, provider)
        usual = Student(model, provider=provider)
        tile = students[0].contract.input_size[0]
        job = prediction.Job(scene, folder / "ours.tif", _FLAT, names, tile, min(128, tile // 2))
        network = prediction.network_of(usual)
        ways: dict[str, Callable[[], None]] = {
            "read_and_write": lambda: read_and_write(scene, folder / "copy.tif", len(names)),
            "predict": lambda: prediction.predict(job, networks),
            "usual_way": lambda: whole_in_memory(job, network, folder / "usual.tif"),
            "networks_alone": lambda: networks_alone(side, tile, job.overlap, networks),
        }
        for each in (*networks, network):
            each(np.zeros((tile, tile, 3), np.uint8))
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        processor: dict[str, list[float]] = {way: [] for way in ways}
        try:
            for _ in range(turns):
                for way, run in ways.items():
                    start, used = time.perf_counter(), time.process_time()
                    run()
                    seconds[way].append(time.perf_counter() - start)
                    processor[way].append(time.process_time() - used)
        finally:
            for student in (*students, usual):
                student.close()
        with rasterio.open(job.out) as ours, rasterio.open(folder / "usual.tif") as theirs:
            difference = int(np.abs(ours.read(1).astype(int) - theirs.read(1)).max())
    found = {way: statistics.median(values) for way, values in seconds.items()}

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(seconds[one], seconds[other], strict=True))

    return {
        "side": side,
        "classes": len(names),
        "workers": len(networks),
        "turns": seconds,
        "seconds": found,
        "processor_seconds": {way: statistics.median(values) for way, values in processor.items()},
        "megapixels_per_s": side * side / 1e6 / found["predict"],
        "times_read_and_write": ratio("predict", "read_and_write"),
        "usual_way_by_predict": ratio("usual_way", "predict"),
        "network_share": ratio("networks_alone", "predict"),
        "largest_difference": difference,
    }


def networks_alone(side: int, tile: int, overlap: int, networks: Sequence[Network]) -> None:
    """As many looks as a raster of this side takes, side by side, without reading or writing anything."""
    count = len(axis(side, tile, overlap, prediction.UNIT).starts) ** 2
    picture = np.random.default_rng(0).integers(0, 256, (tile, tile, 3)).astype(np.uint8)

    def look(number: int) -> None:
        for _ in range(number, count, len(networks)):
            networks[number](picture)

    with ThreadPoolExecutor(len(networks)) as pool:
        list(pool.map(look, range(len(networks))))


def read_and_write(scene: Path, out: Path, classes: int) -> None:
    """What any way has to do: read every pixel once, and write a byte a class."""
    with bounded(), rasterio.open(scene) as source:
        profile = {"driver": "GTiff", "dtype": "uint8", "count": classes, "height": source.height,
                   "width": source.width, "crs": source.crs, "transform": source.transform, "tiled": True,
                   "blockxsize": _BLOCK, "blockysize": _BLOCK, "compress": "deflate", "zlevel": 1}  # fmt: skip
        with rasterio.open(out, "w", **profile) as file:
            for _, window in source.block_windows(1):
                pixels = (source.read(window=window) >> 3).astype(np.uint8)
                file.write(np.repeat(pixels[:1], classes, axis=0), window=window)


def whole_in_memory(job: prediction.Job, network: Network, out: Path) -> None:
    """The usual way; same tiles, same blending, same classes."""
    with rasterio.open(job.image) as source:
        pixels, profile = source.read(), source.profile
    height, width = pixels.shape[1:]
    shown = np.clip(np.rint(pixels.astype(np.float32) * np.float32(255 / _DEPTH)), 0, 255).astype(np.uint8)
    rows, cols = (axis(n, job.tile, job.overlap, prediction.UNIT) for n in (height, width))
    canvas = np.zeros((rows.length, cols.length, 3), np.uint8)
    canvas[:height, :width] = np.moveaxis(shown, 0, 2)
    total = np.zeros((len(job.names), rows.length, cols.length), np.float32)
    for row, down in zip(rows.starts, weights(rows), strict=True):
        for col, across in zip(cols.starts, weights(cols), strict=True):
            at = slice(row, row + job.tile), slice(col, col + job.tile)
            found: NDArray[np.float32] = network(np.ascontiguousarray(canvas[at]))
            total[:, at[0], at[1]] += found * (down[:, None] * across[None, :])
    values = np.rint(np.clip(total[:, :height, :width], 0, 1) * 255).astype(np.uint8)
    profile |= {"dtype": "uint8", "count": len(values), "compress": "deflate", "zlevel": 1}
    with rasterio.open(out, "w", **profile) as file:
        file.write(values)


def measure_memory(side: int) -> dict[str, float]:
    """Peak MB of predicting without a network, and of drawing what came out, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        write_scene(Path(name) / "scene.tif", side)
        peaks = {}
        for step in ("predict", "vectorise"):
            command = [sys.executable, "-m", "afss_ros.geo.benchmark", "--step", step, "--folder", name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks[f"{step}_mb"] = float(done.stdout)
        return peaks


def _step(step: str, folder: Path) -> float:
    """Run one step of the memory's measurement; the peak of this process, MB."""

    def bright(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        one: NDArray[np.float32] = np.asarray(picture[..., :1].transpose(2, 0, 1) / 255, np.float32)
        return one

    if step == "predict":
        job = prediction.Job(folder / "scene.tif", folder / "map.tif", _FLAT, ("bright",), _BLOCK)
        prediction.predict(job, [bright, bright])
    else:
        vectorise(folder / "map.tif", folder / "map.gpkg", Rules(threshold=0.6))
    # Not getrusage: what a child of a large process inherits counts there.
    status = Path("/proc/self/status").read_text()
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(arguments: list[str] | None = None) -> int:
    """Measure and write JSON to standard output."""
    parser = argparse.ArgumentParser(description="How fast and how large prediction over a raster is.")
    parser.add_argument("--model", type=Path, help="a student (.onnx) with a label map")
    parser.add_argument("--provider", default="auto", choices=["auto", "cpu", "cuda", "tensorrt", "openvino"])
    parser.add_argument("--side", type=int, default=2048, help="pixels of the raster's side")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--memory", type=int, nargs="*", default=[], help="sides of rasters to measure memory on")
    parser.add_argument("--step", choices=["predict", "vectorise"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.step:
        sys.stdout.write(f"{_step(options.step, options.folder)}\n")
        return 0
    report: dict[str, Any] = {}
    if options.model is not None:
        report["speed"] = measure_speed(options.model, options.side, options.turns, options.provider)
    if options.memory:
        report["memory"] = {str(side): measure_memory(side) for side in options.memory}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
