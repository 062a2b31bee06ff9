"""`afss compare`: the documents of several evaluations on the same images, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

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
LOWER_IS_BETTER = ("hausdorff95_px", "score_error", "params_m", "gmacs", "latency_ms_p50")


def read(paths: Sequence[Path]) -> list[Document]:
    """Read documents that `afss evaluate --json` wrote.

    Raises:
        EvaluationError: one is no such document, or they speak of different images.
    """
    documents: list[Document] = []
    for path in paths:
        try:
            document = json.loads(path.read_text())
            missing = [key for key in ("model", "data_sha256", *HIGHER_IS_BETTER) if key not in document]
        except (OSError, ValueError, TypeError) as err:
            raise EvaluationError(f"{path}: is no document of afss evaluate ({err})") from err
        if missing:
            raise EvaluationError(f"{path}: lacks {', '.join(missing)}; evaluate again with this version")
        documents.append(document)
    first = documents[0]
    for path, document in zip(paths, documents, strict=True):
        if document["data_sha256"] != first["data_sha256"]:
            raise EvaluationError(
                f"{path}: was measured on other images ({document['images']} of {document['data']}) than {paths[0]}"
                f" ({first['images']} of {first['data']}); figures of different images cannot be compared"
            )
    return documents


def names(documents: Sequence[Document]) -> list[str]:
    """What to call each model: its file name, with the folder where two share one."""
    paths = [Path(d["model"]) for d in documents]
    short = [path.stem for path in paths]
    return [p.stem if short.count(p.stem) == 1 else f"{p.parent.name}/{p.stem}" for p in paths]


def best(documents: Sequence[Document], key: str) -> set[int]:
    """Which documents are best by `key`; none when it is not known of two."""
    known = {i: float(d[key]) for i, d in enumerate(documents) if d.get(key) is not None}
    if len(known) < 2:
        return set()
    target = min(known.values()) if key in LOWER_IS_BETTER else max(known.values())
    return {i for i, value in known.items() if value == target}


def render(documents: Sequence[Document]) -> Table:
    """The terminal's table: a column a model, the best of each row in bold."""
    table = Table(title=f"{documents[0]['data']}, {documents[0]['images']} images", title_justify="left")
    table.add_column("")
    for name in names(documents):
        table.add_column(name, justify="right")
    for key in (*HIGHER_IS_BETTER, *LOWER_IS_BETTER):
        if all(d.get(key) is None for d in documents):
            continue
        winners = best(documents, key)
        cells = [Text(figure(d.get(key)), style="bold green" if i in winners else "") for i, d in enumerate(documents)]
        table.add_row(key.replace("_", " "), *cells)
    return table
