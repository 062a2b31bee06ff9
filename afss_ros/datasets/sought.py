"""Which parts were looked for when a label map was made.

Samples say so since a while. Of older sets the provenance does: `afss label` has always kept the parts that it was
asked for, and `afss select` the provenance of what it chose from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afss_ros.datasets.form import WHOLE, Sample
from afss_ros.labels import BACKGROUND, BODY, CLASS_NAMES


def sought_in(sample: Sample, names: Mapping[int, str]) -> tuple[str, ...] | None:
    """The parts that were looked for in a sample's label map; None when the classes of the set are to be believed.

    A set with no class of craft but body has one class for the whole craft.

    Args:
        names: of the set's label ids.
    """
    if sample.parts is not None:
        return sample.parts
    kinds = set(names.values()) - {CLASS_NAMES[BACKGROUND], WHOLE}
    return () if kinds == {CLASS_NAMES[BODY]} else None


class Sought:
    """What the provenance of a set says of its samples' parts."""

    def __init__(self, provenance: Mapping[str, Any]) -> None:
        self._all = _asked_for(provenance)
        sets = provenance.get("sets")
        of_sets = [s for s in sets if isinstance(s, Mapping)] if isinstance(sets, list) else []
        self._by_source = {str(s.get("name")): _of(s.get("provenance")) for s in of_sets}

    def by(self, sample: Sample) -> tuple[str, ...] | None:
        """The parts that were looked for in a sample; None where the provenance does not say."""
        if self._all is not None:
            return self._all
        source = self._by_source.get(str(sample.attributes.get("from", "")))
        return None if source is None else source.by(sample)


def _of(provenance: Any) -> Sought | None:
    return Sought(provenance) if isinstance(provenance, Mapping) else None


def _asked_for(provenance: Mapping[str, Any]) -> tuple[str, ...] | None:
    parts = provenance.get("parts_asked_for")
    return tuple(str(p) for p in parts) if isinstance(parts, list) else None
