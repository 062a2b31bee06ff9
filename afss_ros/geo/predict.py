"""A student over a raster of any size: what it says of each pixel, as a COG of probabilities on the same grid.

Rows of tiles are looked at one after the other. Where tiles overlap their probabilities are blended, and only the rows
that the next row of tiles touches too are held, so memory grows with the raster's width times the overlap, not with its
height. Each finished strip of rows is a file of its own beside the result, renamed into place when whole: a run that
was killed goes on behind the last one, and gives the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import cv2
import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from afss_ros.datasets.files import write_atomically
from afss_ros.geo import bands
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, axis
from afss_ros.geo.looks import Network, looks
from afss_ros.geo.raster import Raster, bounded
from afss_ros.geo.stretch import Stretch
from afss_ros.labels import CLASS_NAMES, SPACECRAFT
from afss_ros.student.student import Student
from afss_ros.student.tiling import Axis

_log = logging.getLogger(__name__)

UNIT = 32
"""Tiles start at multiples of it, so that five halvings fall on the same pixels in each."""


@dataclass(frozen=True, slots=True)
class Job:
    """One prediction.

    Attributes:
        image, out: the raster, and the COG to write.
        tone: the stretch of the student's training set.
        wanted: bands, see `bands.numbers`.
        names: of the classes, one a band of the result.
        tile: side of the network's picture.
        overlap: of tiles, pixels, at least.
        zero_is_empty: see `Raster`.
        identity: of the network; a run is not continued with another one.
    """

    image: Path
    out: Path
    tone: Stretch
    names: tuple[str, ...]
    tile: int
    overlap: int = 128
    wanted: tuple[str, ...] = ()
    zero_is_empty: bool | None = None
    identity: str = ""


def predict(
    job: Job, networks: Sequence[Network], report: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Write the probabilities, x 255, of every class as a COG; 0 where the raster has no data.

    Args:
        networks: equal ones, each used by one thread at a time.
        report: called with tiles done and their number.

    Raises:
        GeoError: the raster cannot be read or the result not be written.
    """
    with bounded():
        layout = lay_out(job)
        first = next(iter(layout.missing), layout.count)
        put_strips(job, layout, networks, first, layout.count, report)
        finish(job, layout)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a raster is cut; `folder` is where the strips lie until all are there."""

    grid: Grid
    chosen: tuple[int, ...]
    rows: Axis
    cols: Axis
    folder: Path

    @property
    def count(self) -> int:
        """Strips, one for each row of tiles."""
        return len(self.rows.starts)

    @property
    def missing(self) -> list[int]:
        """Numbers of the strips that are not on disk yet."""
        return [number for number in range(self.count) if not self.path(number).exists()]

    def path(self, number: int) -> Path:
        """Where a strip lies."""
        return self.folder / f"{number:06d}.tif"


def lay_out(job: Job) -> Layout:
    """Check a job, and make or find the folder of its strips.

    Raises:
        GeoError: the raster cannot be read, or it cannot be done.
    """
    if not 0 <= job.overlap <= job.tile // 2:
        raise GeoError(f"the overlap must be 0 to half of the tile, {job.tile // 2} pixels, got {job.overlap}")
    if job.out.resolve() == job.image.resolve():
        raise GeoError(f"{job.out}: is the image itself; write to another file")
    if job.out.is_dir():
        raise GeoError(f"{job.out}: is a folder; name a file in it, such as {job.out / 'map.tif'}")
    with Raster(job.image, zero_is_empty=job.zero_is_empty, wanted=job.wanted) as raster:
        grid = raster.grid
        chosen = bands.numbers(raster, job.wanted)
        if doubt := raster.alpha_in_doubt():
            _log.warning("%s: %s", job.image, doubt)
    if len(chosen) != len(job.tone.low):
        raise GeoError(f"{job.image}: {len(chosen)} bands to show, but the stretch has {len(job.tone.low)}")
    rows, cols = (axis(n, job.tile, job.overlap, UNIT) for n in (grid.height, grid.width))
    return Layout(grid, tuple(chosen), rows, cols, _work_folder(job, grid))


def put_strips(
    job: Job,
    layout: Layout,
    networks: Sequence[Network],
    first: int,
    end: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the strips `first` to `end` - 1; each has the same bytes whichever others are written with it.

    Raises:
        GeoError: see `predict`.
    """
    for number, strip in _strips(job, layout, networks, first, end, report):
        _write_strip(layout.path(number), strip, job.names)


def finish(job: Job, layout: Layout) -> None:
    """One COG out of all strips, which are then removed.

    Raises:
        GeoError: it cannot be written.
    """
    _assemble(job, layout.grid, layout.rows, layout.folder)
    shutil.rmtree(layout.folder)


def student_networks(
    model: Path, provider: str = "auto", workers: int = 0
) -> tuple[list[Student], list[Network], tuple[str, ...]]:
    """Students of one file, and what they say as probabilities of each of its classes.

    On a processor several students of one thread each are faster than one of several threads.

    Args:
        workers: how many; 0 is one a processor, or one on a GPU.

    Returns:
        The students, to be closed; a network of each; and the names of the classes, background and whole craft apart.

    Raises:
        StudentError: it does not run, or gives no label map.
    """
    first = Student(model, provider=provider, threads=1)
    contract = first.contract
    if contract.labels_size is None:
        first.close()
        raise GeoError(f"{model}: gives boxes only; probabilities need a student with a label map")
    if contract.input_size[0] != contract.input_size[1]:
        first.close()
        raise GeoError(f"{model}: its input is {contract.input_size}; export it square")
    count = workers or (len(os.sched_getaffinity(0)) if first.provider == "cpu" else 1)
    students = [first, *(Student(model, provider=first.provider, threads=1) for _ in range(count - 1))]
    return students, [network_of(s) for s in students], tuple(contract.class_names[i] for i in _parts(first))


def _parts(student: Student) -> list[int]:
    names = student.contract.class_names
    return [i for i, n in sorted(names.items()) if i and n != CLASS_NAMES[SPACECRAFT]]


def network_of(student: Student) -> Network:
    """What a student says, as probabilities of each of its classes, background and whole craft apart."""
    ids = _parts(student)
    others = max(1, len(ids))

    def run(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        outputs = student.look(picture)
        labels = outputs["labels"][0]
        sure = (
            outputs["confidence"][0].astype(np.float32) / 255
            if "confidence" in outputs
            else np.ones_like(labels, np.float32)
        )
        # The contract tells the winner's probability; the rest is shared by the others, exactly so for two classes.
        each = np.stack([np.where(labels == i, sure, (1 - sure) / others) for i in ids]).astype(np.float32)
        if labels.shape == picture.shape[:2]:
            return each
        size = picture.shape[1], picture.shape[0]
        return np.stack([cv2.resize(p, size, interpolation=cv2.INTER_LINEAR) for p in each])

    return run


def _strips(
    job: Job,
    layout: Layout,
    networks: Sequence[Network],
    first: int,
    end: int,
    report: Callable[[int, int], None],
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Number and pixels uint8 (classes, rows, width) of the strips `first` to `end` - 1."""
    rows, cols, count = layout.rows, layout.cols, layout.count
    if first >= end:
        return
    # What earlier rows of tiles add to the first strip is made again, in the same order.
    begin = next(i for i in range(count) if rows.starts[i] + job.tile > rows.starts[first])
    deepest = max((job.tile - (b - a) for a, b in zip(rows.starts, rows.starts[1:], strict=False)), default=0)
    width = cols.length
    carry = np.zeros((len(job.names), deepest, width), np.float32)
    total = count * len(cols.starts)

    def opened() -> Raster:
        return Raster(job.image, zero_is_empty=job.zero_is_empty, wanted=job.wanted)

    with looks(opened, layout.chosen, job.tone, networks, rows, cols, begin, end) as answers:
        for i in range(begin, end):
            ends = i + 1 == count
            height = job.tile if ends else rows.starts[i + 1] - rows.starts[i]
            strip = np.zeros((len(job.names), height, width), np.uint8)
            live = np.zeros((len(job.names), job.tile, job.tile), np.float32)
            for j, start in enumerate(cols.starts):
                answer = next(answers)
                if answer.weighted is not None:
                    live += answer.weighted
                done = job.tile if j + 1 == len(cols.starts) else cols.starts[j + 1] - start
                here = slice(start, start + done)
                column = live[:, :, :done]
                column[:, :deepest] += carry[:, :, here]
                strip[:, :, here] = np.rint(np.clip(column[:, :height], 0, 1) * 255)
                strip[:, :, here][:, ~answer.valid[:height]] = 0
                carry[:, :, here] = 0
                if not ends:
                    carry[:, : job.tile - height, here] = column[:, height:]
                live[:, :, : job.tile - done] = live[:, :, done:].copy()
                live[:, :, job.tile - done :] = 0
                report(i * len(cols.starts) + j + 1, total)
            if i >= first:
                yield i, strip[:, : layout.grid.height - rows.starts[i], : layout.grid.width]


def _work_folder(job: Job, grid: Grid) -> Path:
    """Where finished strips lie; strips of another network, raster or setting are thrown away."""
    folder = job.out.with_name(f".{job.out.name}.strips")
    stat = job.image.stat()
    facts = [job.identity, str(job.image.resolve()), stat.st_size, stat.st_mtime_ns, grid.to_json(), job.tone.to_json(),
             job.tile, job.overlap, list(job.wanted), list(job.names), job.zero_is_empty]  # fmt: skip
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    told = folder / "job"
    try:
        if folder.exists() and (not told.exists() or told.read_text() != key):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(told, key.encode())
    except OSError as error:
        raise GeoError(f"{job.out}: cannot be written ({error.strerror or error}); choose another --out") from error
    return folder


def _write_strip(path: Path, strip: NDArray[np.uint8], names: Sequence[str]) -> None:
    temporary = path.with_suffix(".part")
    profile = {"driver": "GTiff", "dtype": "uint8", "count": len(strip), "height": strip.shape[1],
               "width": strip.shape[2], "compress": "zstd", "zstd_level": 1, "tiled": True, "blockxsize": 512,
               "blockysize": 512, "BIGTIFF": "IF_SAFER", "interleave": "band"}  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it lies nowhere; the whole will
            with rasterio.open(temporary, "w", **profile) as file:
                file.write(strip)
        temporary.replace(path)
    except (RasterioError, OSError) as error:
        raise GeoError(f"{path}: cannot be written ({error}); is the disk full?") from error


def _assemble(job: Job, grid: Grid, rows: Axis, folder: Path) -> None:
    """One COG out of the strips."""
    mosaic = folder / "all.vrt"
    write_atomically(mosaic, _vrt(job, grid, rows).encode())
    temporary = job.out.with_name(f".{job.out.name}.part.tif")
    try:
        rasterio.shutil.copy(
            str(mosaic), str(temporary), driver="COG", COMPRESS="DEFLATE", LEVEL="1", PREDICTOR="NO", BLOCKSIZE="512",
            BIGTIFF="IF_SAFER", OVERVIEW_RESAMPLING="AVERAGE", NUM_THREADS="ALL_CPUS",
        )  # fmt: skip
        temporary.replace(job.out)
    except (RasterioError, OSError) as error:
        raise GeoError(f"{job.out}: cannot be written ({error}); is the disk full?") from error
    finally:
        temporary.unlink(missing_ok=True)


def _vrt(job: Job, grid: Grid, rows: Axis) -> str:
    a, b, c, d, e, f = grid.affine
    lines = [f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}">']
    if grid.crs:
        lines.append(f'<SRS dataAxisToSRSAxisMapping="1,2">{escape(grid.crs)}</SRS>')
    lines.append(f"<GeoTransform>{c!r}, {a!r}, {b!r}, {f!r}, {d!r}, {e!r}</GeoTransform>")
    ends = [*rows.starts[1:], grid.height]
    for band, name in enumerate(job.names, 1):
        lines.append(
            f'<VRTRasterBand dataType="Byte" band="{band}" blockXSize="512" blockYSize="512">'
            f"<Description>{escape(name)}</Description>"
        )
        for number, (start, end) in enumerate(zip(rows.starts, ends, strict=True)):
            if (height := min(end, grid.height) - start) > 0:
                size = f'xSize="{grid.width}" ySize="{height}"'
                lines.append(
                    f'<SimpleSource><SourceFilename relativeToVRT="1">{number:06d}.tif</SourceFilename><SourceBand>'
                    f'{band}</SourceBand><SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="0" yOff="{start}" {size}/>'
                    "</SimpleSource>"
                )
        lines.append("</VRTRasterBand>")
    return "\n".join([*lines, "</VRTDataset>"])


def shown_as(student: Any, where: Path) -> tuple[Stretch | None, tuple[str, ...]]:
    """Stretch and bands of a student's training set, out of its card; None where it has none."""
    geo = student.contract.metrics.get("geo")
    if not isinstance(geo, dict):
        return None, ()
    return Stretch.from_json(geo.get("stretch", {}), str(where)), tuple(str(b) for b in geo.get("bands", ()))
