"""docs/sources.md and the node tell the same parameters."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from afss_ros.nodes.source.parameters import SPECS, SourceSettings

DOCS = Path(__file__).resolve().parents[3] / "docs" / "sources.md"
ROW = re.compile(r"^\| `([\w.]+)` \| (?:`([^`]*)`)? ?\|", re.MULTILINE)


def test_the_documentation_lists_every_parameter_with_its_default() -> None:
    section = DOCS.read_text().partition("## source_node")[2].partition("\n## ")[0]
    documented = dict(ROW.findall(section))
    assert documented == {
        spec.name: str(spec.default).lower() if isinstance(spec.default, bool) else str(spec.default) for spec in SPECS
    }


def test_the_settings_have_a_field_for_every_parameter() -> None:
    assert [f.name for f in fields(SourceSettings)] == [spec.name.replace(".", "_") for spec in SPECS]
