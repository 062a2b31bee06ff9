"""What a run can learn of its sets, and what it cannot: said before it starts, and kept with its weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from afss_ros.datasets.form import WHOLE
from afss_ros.distill.data.survey import Survey
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training.checkpoint import Trained


def unlearned(found: Survey, recipe: Recipe, before: Trained | None) -> tuple[str, ...]:
    """The parts that neither these sets teach nor those of the weights that the run goes on from, nor a teacher.

    Args:
        before: these weights; None where the run starts from none.
    """
    parts = recipe.student.parts
    if recipe.distillation.teacher is not None and recipe.distillation.soft:
        return ()
    taught = set(found.told) | ({WHOLE} if found.labelled else set())
    if before is not None:
        taught |= {*parts, WHOLE} - set(before.unlearned)
    return tuple(name for name in (*parts, WHOLE) if name not in taught)


def warnings_of(found: Survey, recipe: Recipe, never: Sequence[str], before: Trained | None) -> Iterator[str]:
    """What the sets of a run will not teach it, in sentences.

    Args:
        never: see `unlearned`.
        before: the weights that the run goes on from.
    """
    parts, sets = recipe.student.parts, ", ".join(map(str, recipe.data.train))
    if before is not None:
        earlier = ", ".join(p.name for p in before.parsed_recipe().data.train)
        if missing := [p for p in parts if p not in found.seen and p not in before.unlearned]:
            yield (
                f"{recipe.student.initial}: knows {', '.join(parts)}, but {_of(found)} of {sets} has a pixel of"
                f" {', '.join(missing)}: what these weights learned of it from {earlier} may fade, and no score here"
                " will show it; add a set that has it"
            )
    elif missing := [p for p in parts if p in found.told and p not in found.seen]:
        yield f"{sets}: {_of(found)} has a pixel of {', '.join(missing)}, so the student learns never to say it"
    if never:
        why = "tells it from the others" if WHOLE not in never else "has a pixel of craft"
        yield (
            f"{sets}: no label map {why}, so what the student says of {', '.join(never)} will mean nothing;"
            " `afss export` refuses label maps of such a student unless it is told --allow-unlearned"
        )


def _of(found: Survey) -> str:
    all_of_them = found.looked_at == found.images
    return (
        f"none of the {found.images} images" if all_of_them else f"none of {found.looked_at} images that were looked at"
    )
