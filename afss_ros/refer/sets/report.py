"""One evaluation from asking to paper: the figures, the controls, a table, a file and a page."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from afss_ros.datasets.files import write_atomically
from afss_ros.refer.sets.controls import Controls, controls
from afss_ros.refer.sets.evaluate import Answers, Mask, Result, asker, evaluate
from afss_ros.refer.sets.page import SHOWN, Shown, write
from afss_ros.refer.sets.references import Reference


@dataclass(frozen=True, eq=False)
class Asked:
    """What was asked of whom, and what came of it."""

    title: str
    result: Result
    controls: Controls | None
    shown: tuple[Shown, ...]

    def write(self, figures: Path | None, page: Path | None) -> None:
        """Write the figures as JSON, and the page.

        Raises:
            DatasetError: a file cannot be written.
        """
        if figures is not None:
            document = json.loads(self.result.to_json())
            document["controls"] = None if self.controls is None else asdict(self.controls)
            write_atomically(figures, json.dumps(document, indent=1).encode())
        if page is not None:
            write(page, self.title, self.result, self.shown, self.controls)

    def table(self) -> Table:
        """The figures by kind, for a terminal."""
        table = Table("kind", "sentences", "mIoU", "class word", "oIoU", "Pr@0.5", "Pr@0.9", title=self.title)
        for name, score in self.result.rows().items():
            figures = (score.miou, score.class_word, score.oiou, score.precision.get("0.5"), score.precision.get("0.9"))
            table.add_row(name, str(score.sentences), *("-" if f is None else f"{f:.3f}" for f in figures))
        return table


def asked(
    root: Path,
    name: str,
    answers: Answers,
    split: str | None = None,
    controlled: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Asked:
    """Ask a resolver about a set; keeps a few answers of every kind to look at, the best and the worst among them.

    Raises:
        ReferError: there is nothing to ask, or the resolver cannot be asked without words.
        DatasetError: a file cannot be read.
    """
    kept: dict[str, list[Shown]] = defaultdict(list)

    def look(reference: Reference, image: NDArray[np.uint8], answered: Mask, meant: Mask, iou: float) -> None:
        of_kind = kept[reference.kind]
        if len(of_kind) < 3 or not of_kind[0].iou <= iou <= of_kind[-1].iou:
            of_kind.append(Shown(reference.text, reference.kind, iou, image, answered, meant))
            of_kind.sort(key=lambda one: one.iou)
            del of_kind[1 : len(of_kind) - 2]

    result = evaluate(root, answers, split, advance, look)
    found = controls(root, asker(answers), split) if controlled else None
    shown = tuple(one for of_kind in kept.values() for one in of_kind)[:SHOWN]
    return Asked(f"{name} on {root}", result, found, shown)
