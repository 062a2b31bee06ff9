"""SAM 2 over a raster of any size: outlines drawn anew from the boxes of others, or objects found by itself.

Windows of the size that it learned from are looked at row by row, and only those that own a proposal. Each proposal is
asked about once, in the window that owns its middle, or in one of its own where it reaches beyond that. What SAM 2
finds by itself, from a grid of points or a text detector's boxes, is kept where a window shows it whole, once. Each
finished row is a file beside the result; a run that was killed goes on behind the last one.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from afss_ros.datasets.files import write_atomically
from afss_ros.geo import bands, outlines, stretch, vectorise
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.raster import Raster, bounded
from afss_ros.geo.sam2 import ask, output, prompts
from afss_ros.geo.sam2.output import Object
from afss_ros.geo.sam2.proposals import Layout, Proposals
from afss_ros.geo.sam2.tuned import Ready
from afss_ros.geo.stretch import Stretch
from afss_ros.teacher.prompts import CRAFT, Prompts
from afss_ros.teacher.protocols import Detector

WINDOW = 512
"""Side of a window, pixels, for a SAM 2 that was not tuned on chips."""
LARGEST_WINDOW = 4096
"""Of a single object; what is larger stays as it is."""
UPPER_BOUND = "truth box (upper bound)"
"""The `prompt` of objects that were asked for by the truth's own boxes, which nobody has at prediction."""
_Kind = Literal["boxes", "truth", "grid", "text"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked, and which answers count.

    Attributes:
        dilate: pixels that a proposal's box grows to each side.
        least_score: of SAM 2's own score; None for 0.5 for boxes, and 0.88 for points, as in Meta's automatic masks.
        least_overlap: IoU of a new outline with the proposal, below which the proposal stays as it is.
        reject: proposals with a lower probability of being an object are left out; 0 keeps all.
        least_stability: of masks from points.
        min_area: pixels of an object.
        simplify, square: see `outlines.Rules`.
        together: questions at once.
        points: along a window's side.
    """

    dilate: float = 2.0
    least_score: float | None = None
    least_overlap: float = 0.5
    reject: float = 0.0
    least_stability: float = 0.95
    min_area: float = 20
    simplify: float = 0
    square: bool = False
    together: int = 16
    points: int = 32

    def __post_init__(self) -> None:
        shares = (self.least_score or 0.0, self.least_overlap, self.reject, self.least_stability)
        if not all(0 <= share <= 1 for share in shares):
            raise GeoError(f"scores, overlap and stability lie in 0..1, got {shares}")
        if not 0 <= self.dilate < math.inf or min(self.together, self.points) < 1:
            raise GeoError(f"boxes grow by 0 pixels or more, and there is 1 question or more; got {self}")


@dataclass(frozen=True, slots=True)
class Job:
    """One refinement.

    Attributes:
        image, out: the raster, and the .gpkg or .geojson to write.
        kind: where prompts come from: `boxes` of `proposals`, `truth` boxes of them, a `grid` of points, or `text`.
        proposals: polygons, or probabilities of `afss geo predict`, whose objects are the proposals.
        text: what a text detector looks for.
        window: side, pixels; 0 for what SAM 2 learned from.
        overlap: of windows; None for a quarter.
        tone, wanted: stretch and bands; None and () for those that SAM 2 learned from, else the raster's own.
        zero_is_empty: see `Raster`.
        threshold: of probabilities.
    """

    image: Path
    out: Path
    kind: _Kind = "boxes"
    proposals: Path | None = None
    text: str = ""
    window: int = 0
    overlap: int | None = None
    tone: Stretch | None = None
    wanted: tuple[str, ...] = ()
    zero_is_empty: bool | None = None
    threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class Counts:
    """Objects of the result: how many SAM 2 drew, how many proposals stayed as they were, how many were left out."""

    drawn: int = 0
    kept: int = 0
    rejected: int = 0


def refine(
    job: Job, ready: Ready, rules: Rules, report: Callable[[int, int], None] = lambda done, total: None,
    detector: Detector | None = None,
) -> Counts:  # fmt: skip
    """Write the refined objects.

    Each has `sam2_score`, `sam2_object` (how likely there is one), `refined` (1 where SAM 2 drew it), `prompt`, and the
    properties of its proposal; `score` is the proposal's, or SAM 2's where there was none.

    Args:
        report: called with windows done and their number.
        detector: for `text`.

    Raises:
        GeoError: the raster or the proposals cannot be read, or the result not be written.
    """
    if job.out.suffix.lower() not in (".gpkg", ".geojson", ".json"):
        raise GeoError(f"{job.out}: is to be .gpkg (keeps the CRS) or .geojson (longitude and latitude)")
    if job.proposals is not None and job.out.resolve() == job.proposals.resolve():
        raise GeoError(f"{job.out}: is the file of the proposals itself; write to another one")
    wanted = job.wanted or ready.bands
    with (
        bounded(),
        Raster(job.image, zero_is_empty=job.zero_is_empty, georeferenced=True, wanted=wanted) as raster,
    ):
        job = _settled(job, ready, raster)
        layout = Layout(raster.grid, job.window, job.window // 4 if job.overlap is None else job.overlap)
        work = _work_folder(job, ready, rules, layout, detector)
        proposals = None if job.proposals is None else _proposals(job, layout, work)
        eye = _Eye(job, ready, rules, raster, layout, detector)
        files = [work / f"{row:06d}.jsonl" for row in range(len(layout.rows))]
        for row, file in enumerate(files):
            if file.exists():
                continue
            if proposals is not None:
                found = [o for col, some in proposals.of_row(row).items() for o in eye.about(row, col, some)]
                report(row + 1, len(files))
            else:
                before = [o.shape for o in output.read_row(files[row - 1])] if row else []
                found = eye.by_itself(row, before, lambda done: report(done, len(files) * len(layout.cols)))
            output.write_row(file, found)
        counts = _count(files, 0 if proposals is None else len(proposals))
        output.assemble(files, job.out, raster.grid.crs, work)
        shutil.rmtree(work)
    return counts


class _Eye:
    """Asks about windows, and decides which answers count."""

    def __init__(
        self, job: Job, ready: Ready, rules: Rules, raster: Raster, layout: Layout, detector: Detector | None
    ) -> None:
        self._job, self._rules, self._raster, self._layout = job, rules, raster, layout
        self._ask, self._detector = ask.Asker(ready, rules.together), detector
        self._knows_bare_ground = ready.knows_bare_ground
        self._chosen = bands.numbers(raster, job.wanted)
        self._least = rules.least_score if rules.least_score is not None else 0.88 if job.kind == "grid" else 0.5

    def about(self, row: int, col: int, proposals: Sequence[tuple[Any, dict[str, Any]]]) -> list[Object]:
        """The proposals that a window owns, refined where that counts."""
        grid = self._layout.grid
        common = self._layout.window(row, col)
        shapes = [shapely.transform(shape, grid.to_pixels) for shape, _ in proposals]
        found: dict[int, ask.Found] = {}
        for window, mine in self._windows(common, shapes):
            boxes = np.array([_box(shapes[i], self._rules.dilate, grid, window) for i in mine])
            picture, valid = self._look(window)
            if valid.any():
                found.update(zip(mine, self._ask(picture, valid, window, prompts.of_boxes(boxes)), strict=True))
        made = (
            self._judged(shape, row_, pixels, found.get(i))
            for i, ((shape, row_), pixels) in enumerate(zip(proposals, shapes, strict=True))
        )
        return [o for o in made if o is not None]

    def by_itself(self, row: int, before: Sequence[Any], report: Callable[[int], None]) -> list[Object]:
        """What SAM 2 finds in a row of windows, but for what the row before has."""
        grid, rules = self._layout.grid, self._rules
        shapes: list[Any] = []
        answers: list[ask.Found] = []
        for col in range(len(self._layout.cols)):
            window = self._layout.window(row, col)
            picture, valid = self._look(window)
            several = self._job.kind == "grid"
            for answer in self._ask(picture, valid, window, self._prompts(picture, valid), several):
                if answer.polygon is None or answer.score < self._least or answer.pixels < rules.min_area:
                    continue
                if several and (answer.stability < rules.least_stability or answer.pixels > 0.6 * valid.size):
                    continue
                if (self._knows_bare_ground and answer.there < 0.5) or _cut(answer.polygon, window, grid):
                    continue
                shapes.append(answer.polygon)
                answers.append(answer)
            report(row * len(self._layout.cols) + col + 1)
        settled = [shapely.transform(shape, grid.to_pixels) for shape in before]
        objects = []
        for i in ask.apart(shapes, [a.score for a in answers], settled):
            for shape in self._shaped(shapes[i])[:1]:
                facts = {"score": round(answers[i].score, 4), "area_px": answers[i].pixels,
                         "area": shape.area * grid.pixel_area, **_facts(answers[i], 1, self._job.kind)}  # fmt: skip
                objects.append(Object(shapely.transform(shape, grid.to_map), facts))
        return objects

    def _judged(self, shape: Any, row: dict[str, Any], pixels: Any, answer: ask.Found | None) -> Object | None:
        """The proposal, drawn anew or as it was; None where it is left out."""
        rules, truth = self._rules, self._job.kind == "truth"
        if answer is not None and answer.there < rules.reject:
            return None
        good = answer is not None and answer.polygon is not None and answer.pixels >= rules.min_area
        if truth:  # neither its outline nor what is known of it may come through
            if answer is None or not good:
                return None
            row = {"score": round(answer.score, 4)}
        elif answer is not None and good:
            good = answer.score >= self._least and _iou(answer.polygon, pixels) >= rules.least_overlap
        new = self._shaped(answer.polygon) if answer is not None and good else []
        facts = _facts(answer, int(bool(new)), self._job.kind)
        if answer is not None and row.get("score") is None:
            facts = {"score": round(answer.score, 4), **facts}
        if not new or answer is None:
            return None if truth else Object(shape, {**row, **facts})
        whole = max(new, key=lambda part: part.area)
        changed: dict[str, Any] = {"area_px": answer.pixels, "area": whole.area * self._layout.grid.pixel_area}
        row = {**row, **{name: value for name, value in changed.items() if name in row}}
        return Object(shapely.transform(whole, self._layout.grid.to_map), {**row, **facts})

    def _shaped(self, polygon: Any) -> list[Any]:
        return outlines.shaped(polygon, outlines.Rules(simplify=self._rules.simplify, square=self._rules.square))

    def _windows(self, common: Window, shapes: Sequence[Any]) -> list[tuple[Window, list[int]]]:
        """The window that sees most of the shapes whole, and further ones for those that reach beyond it."""
        grid = self._layout.grid
        inside: list[int] = []
        alone: list[tuple[Window, list[int]]] = []
        frame = shapely.box(0, 0, grid.width, grid.height)
        for i, shape in enumerate(shapes):
            x_min, y_min, x_max, y_max = shape.buffer(self._rules.dilate).intersection(frame).bounds or (math.nan,) * 4
            if not math.isfinite(x_min) or x_max <= x_min or y_max <= y_min:
                continue  # beside the raster
            fits = (common.col <= x_min and x_max <= common.col + common.width
                    and common.row <= y_min and y_max <= common.row + common.height)  # fmt: skip
            if fits:
                inside.append(i)
                continue
            side = max(common.width, math.ceil(1.25 * max(x_max - x_min, y_max - y_min)))
            if side <= LARGEST_WINDOW:
                row, col = (math.floor((a + b - side) / 2) for a, b in ((y_min, y_max), (x_min, x_max)))
                alone.append((Window(row, col, side, side), [i]))
        return [(common, inside), *alone] if inside else alone

    def _look(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        block = self._raster.read(window, self._chosen)
        assert self._job.tone is not None
        return self._job.tone(block), block.valid

    def _prompts(self, picture: NDArray[np.uint8], valid: NDArray[np.bool_]) -> prompts.Prompts:
        if self._job.kind == "grid":
            return prompts.of_points(ask.points_over(valid, self._rules.points))
        if not valid.any():
            return prompts.of_boxes(np.zeros((0, 4)))
        assert self._detector is not None
        boxes = self._detector.detect([picture], Prompts.parse({CRAFT: self._job.text}))[0]
        return prompts.of_boxes(np.array([box.xyxy for box in boxes], np.float32).reshape(-1, 4))


def _box(shape: Any, dilate: float, grid: Grid, window: Window) -> tuple[float, float, float, float]:
    """A shape's box, grown, not beyond the raster, in pixels of the window."""
    x_min, y_min, x_max, y_max = shape.bounds
    left, right = (float(np.clip(v, 0, grid.width)) - window.col for v in (x_min - dilate, x_max + dilate))
    top, bottom = (float(np.clip(v, 0, grid.height)) - window.row for v in (y_min - dilate, y_max + dilate))
    return left, top, right, bottom


def _cut(polygon: Any, window: Window, grid: Grid) -> bool:
    """Whether a window's edge, where the raster goes on behind it, cuts the object."""
    x_min, y_min, x_max, y_max = polygon.bounds
    return bool(
        (x_min <= window.col and window.col > 0)
        or (y_min <= window.row and window.row > 0)
        or (x_max >= window.col + window.width and window.col + window.width < grid.width)
        or (y_max >= window.row + window.height and window.row + window.height < grid.height)
    )


def _iou(one: Any, other: Any) -> float:
    union = one.union(other).area
    return float(one.intersection(other).area / union) if union else 0.0


def _facts(answer: ask.Found | None, refined: int, kind: _Kind) -> dict[str, Any]:
    """What SAM 2 says of an object, as properties."""
    prompt = {"boxes": "box", "truth": UPPER_BOUND, "grid": "point", "text": "text"}[kind]
    return {
        "sam2_score": None if answer is None else round(answer.score, 4),
        "sam2_object": None if answer is None else round(answer.there, 4),
        "refined": refined,
        "prompt": prompt,
    }


def _settled(job: Job, ready: Ready, raster: Raster) -> Job:
    """The job with what it leaves open: as SAM 2 learned it, else as the raster has it."""
    wanted = job.wanted or ready.bands
    tone = job.tone or ready.tone
    chosen = bands.numbers(raster, wanted)
    tone = tone or stretch.estimate(raster.sample(bands=chosen), where=str(raster.path))
    if len(chosen) != len(tone.low):
        raise GeoError(f"{job.image}: {len(chosen)} bands to show, but the stretch has {len(tone.low)}")
    window = job.window or ready.size or WINDOW
    if window < 32 or not 0 <= (job.overlap or 0) < window:
        raise GeoError(f"a window has 32 pixels or more, the overlap less than it; got {window} and {job.overlap}")
    if job.kind in ("boxes", "truth") and job.proposals is None:
        raise GeoError("boxes need proposals: name polygons, or probabilities of afss geo predict")
    if job.kind == "text" and not job.text:
        raise GeoError("a text detector needs a text: building")
    return replace(job, wanted=wanted, tone=tone, window=window)


def _work_folder(job: Job, ready: Ready, rules: Rules, layout: Layout, detector: Detector | None) -> Path:
    """Where finished rows lie; those of another job are thrown away."""
    work = job.out.with_name(f".{job.out.name}.rows")
    stats = [p.stat() for p in (job.image, *([job.proposals] if job.proposals else []))]
    facts = [repr(job), repr(rules), repr(layout), dict(ready.sam2.provenance), ready.size, ready.knows_bare_ground,
             [(s.st_size, s.st_mtime_ns) for s in stats], dict(detector.provenance) if detector else None]  # fmt: skip
    key = hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()
    told = work / "job"
    try:
        if work.exists() and (not told.exists() or told.read_text() != key):
            shutil.rmtree(work)
        work.mkdir(parents=True, exist_ok=True)
        write_atomically(told, key.encode())
    except OSError as error:
        raise GeoError(f"{job.out}: cannot be written ({error.strerror or error}); choose another --out") from error
    return work


def _proposals(job: Job, layout: Layout, work: Path) -> Proposals:
    path = job.proposals
    assert path is not None
    if path.suffix.lower() in (".tif", ".tiff", ".vrt"):
        drawn = work / "components.gpkg"
        vectorise.vectorise(path, drawn, outlines.Rules(threshold=job.threshold))
        path = drawn
    return Proposals(path, layout, work, job.image)


def _count(files: Sequence[Path], proposed: int) -> Counts:
    drawn = kept = 0
    for file in files:
        for found in output.read_row(file):
            drawn += found.row["refined"]
            kept += 1 - found.row["refined"]
    return Counts(drawn, kept, max(0, proposed - drawn - kept))
