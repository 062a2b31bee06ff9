"""The documentation site: README, docs/, models/README.md and the project's own papers, as they stand (`make site`).

The source folder is the checkout, not docs/, so that a link that leads somewhere in the repository leads there on the
site too; a link to a file that is no page, such as a recipe, hands that file out. What leads nowhere is a warning, and
`make site` takes warnings for errors.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:  # tests read the navigation where Sphinx is not installed
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
FRONT = "README"

NAVIGATION = {
    "Fly": [
        "docs/install",
        "docs/gpu",
        "docs/docker",
        "docs/ros",
        "docs/campaign",
        "docs/evidence",
        "docs/sources",
        "docs/student_contract",
        "docs/tiling",
        "docs/monitor",
        "docs/refer",
        "docs/tracking",
        "docs/downlink",
    ],
    "Learn": [
        "models/README",
        "docs/rendered_world",
        "docs/training",
        "docs/students",
        "docs/geo",
        "docs/labelling",
        "docs/distillation",
        "docs/datasets",
        "docs/evaluation",
        "docs/geo_sam2",
        "docs/geo_scores",
        "docs/cluster",
    ],
    "Build": [
        "docs/architecture",
        "CONTRIBUTING",
        "requirements/README",
        "CHANGELOG",
        "QUALITY_DECLARATION",
        "SECURITY",
    ],
}
"""Headings of the sidebar, and the pages under each. A page that is missing here is a warning."""

project = "afss_ros"
author = "afss_ros developers"
copyright = "afss_ros developers, Apache-2.0"  # noqa: A001 (Sphinx's name)
version = release = str(ElementTree.parse(ROOT / "package.xml").findtext("version"))

extensions = ["myst_parser"]
root_doc = FRONT
include_patterns = [f"{FRONT}.md", "docs/*.md", *(f"{page}.*" for pages in NAVIGATION.values() for page in pages)]
# The rest of a checkout holds no pages and may be large.
exclude_patterns = [".*", "afss_ros", "build", "install", "log", "out", "runs", "test"]
myst_heading_anchors = 4
highlight_language = "text"

html_theme = "furo"
html_title = f"afss_ros {version}"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#23527a", "color-brand-content": "#23527a"},
    "dark_css_variables": {"color-brand-primary": "#8dbbe0", "color-brand-content": "#8dbbe0"},
}


def add_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """Give the front page the site's navigation, which a README has no way to say."""
    if page == FRONT:
        for caption, pages in NAVIGATION.items():
            source[0] += "\n".join(["\n\n```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"])


def add_index(app: Sphinx, error: Exception | None) -> None:
    """Let a browser that is given the folder open the front page."""
    if error is None and app.builder.name == "html":
        shutil.copy(Path(app.outdir, f"{FRONT}.html"), Path(app.outdir, "index.html"))


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_navigation)
    app.connect("build-finished", add_index)
