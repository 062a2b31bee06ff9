"""`afss compare`: the documents of several evaluations on the same images, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import TemplateError
from rich.table import Table
from rich.text import Text

from afss_ros.datasets.errors import MALFORMED, told
from afss_ros.datasets.files import read_text
from afss_ros.evaluation.run import EvaluationError
from afss_ros.evaluation.table import figure

Document = dict[str, Any]

HIGHER_IS_BETTER = (
    "whole_iou",
    "body_iou",
    "panel_iou",
    "antenna_iou",
    "mean_part_iou",
    "boundary_f",
    "box_ap",
    "box_ap50",
    "mask_ap",
    "mean_box_iou",
    "s_acc",
    "s_final",
)
LOWER_IS_BETTER = (
    "hausdorff95_px", "score_error", "false_alarm_images", "false_alarms_per_image", "empty_called_craft",
    "missed_craft", "params_m", "gmacs", "latency_ms_p50",
)  # fmt: skip
_LARGEST = 1e30
"""Below which every figure is; no plot takes what is much larger."""
_PARTS_END = "mean_part_iou"
"""The row that further classes follow."""


class Row(NamedTuple):
    """One metric of every document.

    Attributes:
        heading: for people.
        values: by document; None where it is not known.
        intervals: by document, 95 %, lower and upper; None where there is none.
        winners: indices of the best documents.
    """

    heading: str
    values: tuple[float | None, ...]
    intervals: tuple[list[float] | None, ...]
    winners: set[int]


def read(paths: Sequence[Path]) -> list[Document]:
    """Read documents that `afss evaluate --json` wrote.

    Raises:
        EvaluationError: one is no such document, or they speak of different images.
    """
    documents: list[Document] = []
    for path in paths:
        try:
            document = json.loads(read_text(path))
            missing = [key for key in ("model", "data_sha256", *HIGHER_IS_BETTER) if key not in document]
        except (OSError, ValueError, TypeError) as err:
            raise EvaluationError(f"{path}: is no document of afss evaluate ({err})") from err
        if missing:
            raise EvaluationError(f"{path}: lacks {', '.join(missing)}; evaluate again with this version")
        if wrong := _no_figures(document):
            raise EvaluationError(f"{path}: {wrong}; evaluate again with this version")
        documents.append(document)
    first = documents[0]
    for path, document in zip(paths, documents, strict=True):
        if document["data_sha256"] != first["data_sha256"]:
            raise EvaluationError(
                f"{path}: was measured on other images ({document['images']} of {document['data']}) than {paths[0]}"
                f" ({first['images']} of {first['data']}); figures of different images cannot be compared"
            )
    return documents


def _no_figures(document: Document) -> str:
    """Which value is of another type than `afss evaluate` writes; empty if none is."""
    for name, kind in {"model": str, "data": str, "images": int, "data_sha256": str}.items():
        if type(document.get(name)) is not kind:
            return f"its {name} is none: {str(document.get(name))[:60]}"
    for name in (*HIGHER_IS_BETTER, *LOWER_IS_BETTER):
        value = document.get(name)
        if value is not None and not (type(value) in (int, float) and abs(value) < _LARGEST):
            return f"its {name} is no number: {str(value)[:60]}"
    return ""


@contextmanager
def understood(paths: Sequence[Path]) -> Iterator[None]:
    """Take what drawing documents stumbles over for what it is: a value that `afss evaluate` never wrote.

    Raises:
        EvaluationError: names the documents.
    """
    try:
        yield
    except EvaluationError:
        raise
    except (*MALFORMED, TemplateError) as err:
        raise EvaluationError(
            f"{', '.join(map(str, paths))}: one holds a value that afss evaluate does not write ({told(err)}); evaluate"
            " again with this version"
        ) from err


def names(documents: Sequence[Document]) -> list[str]:
    """What to call each model: its file name, with the folder where two share one."""
    paths = [Path(d["model"]) for d in documents]
    short = [path.stem for path in paths]
    return [p.stem if short.count(p.stem) == 1 else f"{p.parent.name}/{p.stem}" for p in paths]


def rows(documents: Sequence[Document]) -> list[Row]:
    """The metrics that at least one document knows."""
    found: list[Row] = []
    for key in (*HIGHER_IS_BETTER, *LOWER_IS_BETTER):
        values = tuple(d.get(key) for d in documents)
        intervals = tuple((d.get("intervals_95") or {}).get(key) for d in documents)
        found.append(Row(key.replace("_", " "), values, intervals, best(values, lowest=key in LOWER_IS_BETTER)))
        if key == _PARTS_END:
            found += _further_rows(documents)
    return [row for row in found if any(value is not None for value in row.values)]


def _further_rows(documents: Sequence[Document]) -> list[Row]:
    tables = [d.get("further_classes", {}) for d in documents]
    found: list[Row] = []
    for name in dict.fromkeys(name for table in tables for name in table):
        figures = [table.get(name, {}) for table in tables]
        values = tuple(f.get("iou") for f in figures)
        found.append(Row(f"{name} iou", values, tuple(f.get("iou_interval_95") for f in figures), best(values)))
    return found


def best(values: Sequence[float | None], *, lowest: bool = False) -> set[int]:
    """Indices of the highest values, or of the lowest; none when fewer than two are known."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return set()
    target = min(known) if lowest else max(known)
    return {i for i, value in enumerate(values) if value == target}


def render(documents: Sequence[Document]) -> Table:
    """The terminal's table: a column a model, the best of each row in bold."""
    table = Table(title=f"{documents[0]['data']}, {documents[0]['images']} images", title_justify="left")
    table.add_column("")
    for name in names(documents):
        table.add_column(name, justify="right")
    for row in rows(documents):
        cells = [Text(figure(v), style="bold green" if i in row.winners else "") for i, v in enumerate(row.values)]
        table.add_row(Text(row.heading), *cells)
    return table
