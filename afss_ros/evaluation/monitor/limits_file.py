"""Limits and rates as text: YAML for the node, JSON for whoever draws."""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml

from afss_ros.evaluation.monitor.calibrate import Rates
from afss_ros.monitor import Limits


def text(limits: Limits) -> str:
    """The YAML file that `monitor.load_limits` reads."""
    return yaml.safe_dump(limits.document(), sort_keys=False, default_flow_style=None, width=120)


def figures(found: Mapping[str, Rates]) -> str:
    """Rates by kind of damage, "as they are" first, as JSON."""
    rows = {
        name or "as they are": {"pictures": r.pictures, "found": r.found, "rate": r.rate, "reasons": dict(r.reasons)}
        for name, r in found.items()
    }
    return json.dumps(rows, indent=1) + "\n"
