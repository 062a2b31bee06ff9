"""Everything that decides what labels look like, read from YAML; unknown or ill-typed settings are refused by name."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from afss_ros import plain_yaml
from afss_ros.datasets.phash import COARSE_BITS
from afss_ros.labelling.keep import parse_keep
from afss_ros.labelling.select import Selection
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.refinement.refine import Refinement
from afss_ros.teacher.refinement.views import parse_views
from afss_ros.teacher.settings import DetectorSettings, RefineSettings, SegmenterSettings, VideoSettings

OWN_KEEP = "default"
KEEP = "detector_score >= 0.60"
"""The filter of AFSS."""
KEEP_OF = {"grabcut": f"{KEEP} and mask_score >= 0.50"}
"""GrabCut takes a sunlit cloud along, and its score tells: see docs/labelling.md."""


@dataclass(frozen=True, slots=True)
class LabelSettings:
    """All settings of `afss label`.

    Attributes:
        prompts: class -> phrases, a list or one text with full stops between them.
        keep: the filter, see `datasets.keep`; `default` is that of the segmenter, `KEEP` or its own in `KEEP_OF`.
        batch: frames in one call of the detector (each times the number of views).
        precision: `fp32`, `bf16`, or `auto`: bf16 on a GPU and on CPUs with instructions for it.
        split: of the samples in the data set.
        image_format: `jpg` (quality 95) or `png` (lossless).
    """

    prompts: dict[str, Any] = field(default_factory=lambda: {"spacecraft": ["spacecraft"]})
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    video: VideoSettings = field(default_factory=VideoSettings)
    frames: Selection = field(default_factory=Selection)
    keep: str = OWN_KEEP
    batch: int = 4
    precision: str = "auto"
    split: str = "train"
    image_format: str = "jpg"

    def __post_init__(self) -> None:
        if self.keep == OWN_KEEP:
            object.__setattr__(self, "keep", KEEP_OF.get(self.segmenter.name, KEEP))
        self.parsed_prompts()
        self.refinement()
        parse_keep(self.keep, self.scores)
        for name, value, known in (
            ("image_format", self.image_format, ("jpg", "png")),
            ("precision", self.precision, ("auto", "fp32", "bf16")),
            ("split", self.split, ("train", "val", "test")),
        ):
            if value not in known:
                raise TeacherError(f"setting '{name}' is one of {', '.join(known)}; got '{value}'")
        if self.batch < 1 or self.video.chunk < 2:
            raise TeacherError(f"batch must be 1 or more, video.chunk 2 or more; got {self.batch}, {self.video.chunk}")
        if self.video.gap_s <= 0 or not 0 <= self.video.jump <= COARSE_BITS:
            raise TeacherError(
                f"video.gap_s must be more than 0 seconds, video.jump 0..{COARSE_BITS} bits;"
                f" got {self.video.gap_s}, {self.video.jump}"
            )
        thresholds = self.detector.box_threshold, self.detector.text_threshold
        if not all(0 <= threshold <= 1 for threshold in thresholds):
            raise TeacherError(
                f"detector.box_threshold and detector.text_threshold lie from 0 to 1;"
                f" got {thresholds[0]}, {thresholds[1]}"
            )

    @property
    def scores(self) -> tuple[str, ...]:
        """The scores that instances will carry."""
        views = ("agreement",) if len(parse_views(self.refine.views)) > 1 else ()
        video = ("temporal",) if self.video.propagator != "off" else ()
        return ("detector_score", "mask_score", *views, *video)

    def parsed_prompts(self) -> Prompts:
        """The prompts, checked."""
        return Prompts.parse(self.prompts)

    def refinement(self) -> Refinement:
        """The views and fusion, checked."""
        r = self.refine
        return Refinement(parse_views(r.views), r.iou, r.skip, r.top, r.share_features, r.box_from, r.undecided)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, for manifests."""
        return dataclasses.asdict(self)


def load_settings(path: Path | None, overrides: Mapping[str, Any] | None = None) -> LabelSettings:
    """Read settings from YAML; what it leaves out keeps its default.

    Args:
        path: the file; None for the defaults.
        overrides: dotted names to values, e.g. `{"refine.views": "v4"}`; they win over the file.

    Raises:
        TeacherError: the file cannot be read, or a setting is unknown, ill-typed or out of range; names it.
    """
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = plain_yaml.read(path) or {}
        except (OSError, yaml.YAMLError) as error:
            raise TeacherError(f"{path}: cannot be read as settings ({error})") from error
        if not isinstance(given, dict):
            raise TeacherError(f"{path}: settings are a mapping of names to values, not {type(given).__name__}")
    for dotted, value in (overrides or {}).items():
        _place(given, dotted, value)
    settings = _build(LabelSettings, given, "")
    assert isinstance(settings, LabelSettings)
    return settings


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """Read `refine.top=0` and the like: dotted names to values as YAML reads them.

    Raises:
        TeacherError: a text has no `=`, or what follows is no YAML.
    """
    parsed: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise TeacherError(f"--set '{text}' should read name=value, such as refine.top=0")
        try:
            parsed[name.strip()] = plain_yaml.load(value) if value.strip() else ""
        except yaml.YAMLError as error:
            reason = getattr(error, "problem", None) or "no YAML"
            raise TeacherError(f"--set '{text}': '{value}' cannot be read as YAML ({reason}); quote it?") from error
    return parsed


def _place(given: dict[str, Any], dotted: str, value: Any) -> None:
    """Put the value of a dotted name into nested groups; groups that are not there are made."""
    *groups, name = dotted.split(".")
    place = given
    for depth, group in enumerate(groups, start=1):
        inner = place.setdefault(group, {})
        if not isinstance(inner, dict):
            where = ".".join(groups[:depth])
            raise TeacherError(
                f"'{dotted}' is set, but '{where}' is given as {inner!r} too, which is no group of settings; name what"
                f" is meant in it, such as {where}.{_first_setting(where)}={inner}"
            )
        place = inner
    place[name] = value


def _first_setting(group: str) -> str:
    """The name of a group's first setting, which is what people mean by the group's own."""
    kind = typing.get_type_hints(LabelSettings).get(group)
    return dataclasses.fields(kind)[0].name if dataclasses.is_dataclass(kind) else "name"


def _build(kind: Any, given: Any, where: str) -> Any:
    if not isinstance(given, dict):
        raise TeacherError(f"setting '{where.rstrip('.')}' is a group of settings, got {given!r}")
    hints = typing.get_type_hints(kind)
    for name in given:
        if name not in hints:
            raise TeacherError(f"unknown setting '{where}{name}'; known here: {', '.join(hints)}")
    return kind(**{name: _value(hints[name], value, f"{where}{name}") for name, value in given.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, f"{where}.")
    wanted = typing.get_origin(hint) or hint
    if wanted is float and type(value) is int:
        return float(value)
    if not isinstance(wanted, type) or isinstance(hint, types.UnionType):
        raise TypeError(f"setting '{where}' has a type that is not read: {hint}")
    if isinstance(value, float) and not math.isfinite(value):
        raise TeacherError(f"setting '{where}' is a finite number, got {value}")
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise TeacherError(f"setting '{where}' is {wanted.__name__}, got {value!r}")
    return value
