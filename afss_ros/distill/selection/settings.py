"""What decides a selection, validated like a recipe."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from afss_ros.datasets.keep import Keep
from afss_ros.datasets.phash import BITS
from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Section


class Selection(Section):
    """What to keep of labelled images. The defaults drop what no student can learn from, and near-duplicates."""

    keep: str = Field("", description="Filter on named scores of an instance, see `datasets.keep`; empty keeps all.")
    rank: str = Field(
        "", description="Score by which images are preferred where one of several must go; empty: an instance's own."
    )
    quotas: dict[str, int] = Field(
        default_factory=dict,
        description="Class -> at most so many images with it: a class of the label maps, spacecraft, or the name in"
        " the attribute `craft`. Best ranked first.",
    )
    duplicates: int = Field(
        4, ge=-1, le=BITS, description=f"Bits of hash (of {BITS}) within which two images are one; -1 keeps them."
    )
    darkest: float = Field(8.0, ge=0, le=255, description="A craft whose bright parts (95 %) are darker is too dark.")
    clipped: float = Field(0.5, gt=0, le=1, description="A craft with a larger share of pixels at 250+ is too bright.")
    blur_px: float = Field(8.0, gt=0, description="A craft whose steepest edges are wider, in pixels, is blurred.")
    val: float = Field(0.0, ge=0, lt=1, description="Share of images for `val`, by sequence; see `splits`, `cut`.")
    test: float = Field(0.0, ge=0, lt=1, description="Likewise for `test`; with both 0 every image keeps its split.")
    seed: int = 0

    @field_validator("keep")
    @classmethod
    def _is_filter(cls, text: str) -> str:
        return Keep(text).text  # its error is a ValueError, which pydantic reports

    @model_validator(mode="after")
    def _consistent(self) -> Selection:
        if self.val + self.test >= 1:
            raise ValueError(f"val and test must leave something to train on, got {self.val} + {self.test}")
        short = {name: count for name, count in self.quotas.items() if count < 0}
        if short:
            raise ValueError(f"quotas must be 0 or more, got {short}")
        return self


def parse(document: Any, *, where: str = "selection") -> Selection:
    """A selection out of plain data.

    Raises:
        DistillError: lists every fault with its place.
    """
    try:
        return Selection.model_validate(document)
    except ValidationError as err:
        faults = "\n".join(f"  {'.'.join(map(str, e['loc'])) or where}: {e['msg']}" for e in err.errors())
        known = ", ".join(Selection.model_fields)
        raise DistillError(f"{where}: {err.error_count()} fault(s)\n{faults}\n  known: {known}") from err


def parse_quotas(texts: list[str]) -> dict[str, int]:
    """Read `antenna=200` and the like.

    Raises:
        DistillError: a text is no name=count.
    """
    quotas: dict[str, int] = {}
    for text in texts:
        name, equals, count = text.partition("=")
        if not equals or not count.strip().isdigit():
            raise DistillError(f"--quota {text!r} should read class=count, such as antenna=200")
        quotas[name.strip()] = int(count)
    return quotas
