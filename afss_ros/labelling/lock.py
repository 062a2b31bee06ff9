"""What was resolved once stays so: the commits that a data set was begun with pin the runs that go on with it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from afss_ros.labelling.settings import LabelSettings
from afss_ros.teacher.models.checkpoints import LOCAL
from afss_ros.teacher.settings import DetectorSettings, SegmenterSettings

T = TypeVar("T", DetectorSettings, SegmenterSettings)


def pinned(settings: LabelSettings, out: Path) -> LabelSettings:
    """Settings to load the teacher with: where no revision is asked for, the one that `out` was begun with.

    The weights' hashes are compared when the run begins (`LabellingRun`), whatever the revision says.
    """
    try:
        teacher = json.loads((out / "dataset.json").read_text())["provenance"]["teacher"]
    except (OSError, ValueError, KeyError, TypeError):
        return settings  # nothing was begun here, or `LabellingRun` will say what is wrong with it
    return dataclasses.replace(
        settings,
        detector=_pin(settings.detector, teacher.get("detector", {})),
        segmenter=_pin(settings.segmenter, teacher.get("segmenter", {}), teacher.get("propagator", {})),
    )


def _pin(asked: T, *recorded: Mapping[str, Any]) -> T:
    for made in recorded:
        revision, name = made.get("revision", LOCAL), str(made.get("checkpoint", ""))
        if not asked.revision and revision != LOCAL and asked.checkpoint in ("", name):
            return dataclasses.replace(asked, checkpoint=name, revision=revision)
    return asked
