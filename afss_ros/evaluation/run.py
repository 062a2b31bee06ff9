"""`afss evaluate`: a student file and a data set folder in, one document of figures out."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from afss_ros import __version__, datasets
from afss_ros.cluster import Crew, Tally
from afss_ros.cluster.stores import is_url, local
from afss_ros.datasets.errors import MALFORMED, DatasetError
from afss_ros.datasets.files import read_bytes, write_atomically
from afss_ros.evaluation import cases, cost, report_html, summary
from afss_ros.evaluation.evaluate import Report, evaluate, spread
from afss_ros.evaluation.latency import student_latency
from afss_ros.evaluation.metrics import score
from afss_ros.evaluation.metrics.false_alarms import FLIGHT_THRESHOLD
from afss_ros.evaluation.spread import EvaluateStep, evaluate_by
from afss_ros.evaluation.tta import AUGMENTATIONS
from afss_ros.student import Student, Tiling
from afss_ros.threads import limited

SCORE_THRESHOLD = 0.01
"""Detections below it are no candidates. Average precision needs the doubtful ones too; flight uses 0.5."""


FALSE_ALARM_RATES = (0.0, 0.01, 0.05)
"""Shares of alarmed images without craft for which every document has a threshold."""


class EvaluationError(ValueError):
    """An evaluation that cannot be done: says what was asked and what is possible."""


def run(
    model: Path | str,
    data: Path | str,
    *,
    split: str | None = None,
    limit: int | None = None,
    tta: str = "none",
    provider: str = "auto",
    tiling: str = "none",
    score_threshold: float = SCORE_THRESHOLD,
    threshold: float = FLIGHT_THRESHOLD,
    calibration: Path | None = None,
    html: Path | None = None,
    started: Callable[[int], None] = lambda count: None,
    advance: Callable[[], None] = lambda: None,
    crew: Crew = Crew(),  # noqa: B008 - it is frozen
    told: Callable[[Tally], None] = lambda tally: None,
) -> dict[str, Any]:
    """Evaluate the student at `model` on the data set at `data`: paths, or URLs of what is in an object store.

    Args:
        tta: a name in `tta.AUGMENTATIONS`.
        tiling: "none" or "auto"; see `student.Tiling`.
        threshold: the score from which a detection is one in flight: what false alarms and misses are counted at.
        calibration: a document of another evaluation, whose `score_calibration` is judged on these images.
        html: where to write the report with pictures, if anywhere.
        started: told the number of images; `advance` is called after each.
        crew: who looks at the images; the figures are the same, but for latencies, which are measured here.
        told: how their work stands.

    Returns:
        The document that `afss evaluate --json` writes: see docs/evaluation.md for its keys.

    Raises:
        EvaluationError, DatasetError, StudentError: there is nothing to evaluate, or with nothing.
    """
    if tta not in AUGMENTATIONS:
        raise EvaluationError(f"no test-time augmentation {tta!r}; there are {', '.join(AUGMENTATIONS)}")
    line = None if calibration is None else read_calibration(calibration)
    names = [str(name if is_url(name) else Path.cwd() / name) for name in (model, data)]
    model, data = local(model), local(data)
    dataset = datasets.load(data, split)
    if not dataset.samples:
        problems = "".join(f"\n  {p}" for p in dataset.problems[:5])
        raise EvaluationError(f"{data}: has no usable image{problems}")
    started(len(spread(dataset.samples, limit)))
    report: Report | None = None
    if not crew.alone:
        step = EvaluateStep(names[0], names[1], split, limit, tta, provider, tiling, score_threshold)
        report = evaluate_by(crew, step, dataset, advance, told)
    with (
        limited() as threads,
        Student(
            model, provider=provider, threads=threads, score_threshold=score_threshold, tiling=Tiling(tiling)
        ) as student,
    ):
        perceive = AUGMENTATIONS[tta](student)
        report = report or evaluate(perceive, dataset, limit=limit, advance=advance)
        facts = _facts(student, data, split, tta, score_threshold, report)
        figures = {**facts, "threads": threads, "threshold": threshold}
        figures |= _figures(student, report, threshold, score_threshold)
        figures["score_calibration"] = summary.score_calibration(report.images, line)
        if figures["score_calibration"] is not None:
            figures["score_calibration"]["of"] = str(calibration or data)
        if html is not None:
            html.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(html, report_html.render(figures, report, perceive).encode())
    return figures


def read_calibration(path: Path, *, to_export: bool = False) -> tuple[float, float]:
    """Slope and offset of the document of another evaluation.

    Args:
        to_export: they will be written into a student, so they must be those of its bare scores.

    Raises:
        EvaluationError: it holds none, or none that can be written.
    """
    try:
        document = json.loads(read_bytes(path))
        found = document["score_calibration"]
        if to_export and (document["calibrated"] or not 0 < float(found["slope"]) < 100):
            raise EvaluationError(
                f"{path}: its student is calibrated already, or its scores tell nothing; evaluate an export without"
                " --scores on a set with craft and without"
            )
        return float(found["slope"]), float(found["offset"])
    except (EvaluationError, DatasetError):
        raise
    except MALFORMED as err:
        raise EvaluationError(
            f"{path}: no score_calibration in it ({type(err).__name__}); make one by `afss evaluate --json` on a set"
            " with craft"
        ) from err


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write the document of `run` as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def _facts(
    student: Student, data: Path, split: str | None, tta: str, score_threshold: float, report: Report
) -> dict[str, Any]:
    return {
        "model": str(student.path),
        "model_sha256": student.sha256,
        "family": student.contract.family,
        "provider": student.provider,
        "tiling": student.tiling.mode,
        "data": str(data),
        "data_sha256": _fingerprint(report),
        "split": split,
        "images": len(report.images),
        "problems": [str(p) for p in report.problems],
        "tta": tta,
        "score_threshold": score_threshold,
        "calibrated": student.contract.score_calibration is not None,
        "producer": f"afss_ros {__version__}, {platform.machine()}",
    }


def _fingerprint(report: Report) -> str:
    """A hash of which images were evaluated (their keys, not their pixels), to compare like with like."""
    return hashlib.sha256("\n".join(r.sample.key for r in report.images).encode()).hexdigest()


def _figures(student: Student, report: Report, threshold: float, floor: float) -> dict[str, Any]:
    figures: dict[str, Any] = dict(summary.measure(report.images, report.known, threshold))
    price = cost.measure(student.path)
    latency = student_latency(student, frames=30)["total"]
    s_acc = score.accuracy(figures["box_ap"], figures["mean_part_iou"])
    return figures | {
        "further_classes": summary.further(report.images, report.further),
        "params_m": price.params_m,
        "gmacs": price.gmacs,
        "latency_ms_p50": latency.p50,
        "latency_ms_p95": latency.p95,
        "s_acc": s_acc,
        "s_final": score.final(s_acc, price),
        "intervals_95": summary.intervals(report.images, report.known, threshold),
        "thresholds": [summary.threshold_for(report.images, rate, floor) for rate in FALSE_ALARM_RATES],
        "strata": summary.strata(report.images, report.known, threshold),
        "curves": summary.curves(report.images),
        "worst": [
            {"key": r.sample.key, "quality": r.quality} for r in cases.ranked(report.images)[: report_html.CASES]
        ],
    }
