"""The site has every page, the README lists every page, and what a built site lacks is found.

The site itself is built by `make site`, with warnings as errors, and held against itself by scripts/check_site.py.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from package_metadata import ROOT

from scripts.check_site import findings

PAGES = sorted(path.relative_to(ROOT) for folder in ("docs", "models") for path in (ROOT / folder).glob("*.md"))


def test_every_page_is_in_the_navigation_once() -> None:
    navigation = runpy.run_path(str(ROOT / "docs" / "conf.py"))["NAVIGATION"]
    named = [page for pages in navigation.values() for page in pages]
    assert len(named) == len(set(named))
    assert {str(page.with_suffix("")) for page in PAGES} <= set(named)
    assert [page for page in named if not [*ROOT.glob(f"{page}.*")]] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_readme_leads_to_every_page(page: Path) -> None:
    assert f"]({page})" in (ROOT / "README.md").read_text()


GOOD = {
    "index.html": '<a href="docs/ros.html#topics">t</a> <a href="#top">t</a> <img src="a.png"> <h1 id="top">t</h1>',
    "docs/ros.html": '<link rel="stylesheet" href="../site.css"> <h2 id="topics">t</h2> <a href="https://ros.org">t</a>',
    "a.png": "",
    "site.css": "body { background: url(a.png) }",
}


def build(site: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    return site


def test_nothing_is_found_on_a_whole_site(tmp_path: Path) -> None:
    assert findings(build(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("b.html", '<a href="docs/gone.html">t</a>', "b.html: docs/gone.html leads to no file"),
        ("b.html", '<a href="docs/">t</a>', "b.html: docs/ leads to no file"),
        ("b.html", '<a href="docs/ros.html#gone">t</a>', "b.html: docs/ros.html#gone leads to no heading"),
        ("docs/b.html", '<img src="a.png">', "docs/b.html: a.png leads to no file"),
        ("b.html", '<script src="https://cdn.org/a.js"></script>', "b.html: loads https://cdn.org/a.js"),
        ("b.html", '<link href="//fonts.org/a" rel="stylesheet">', "b.html: loads //fonts.org/a"),
        ("b.css", "@font-face { src: url( 'https://fonts.org/a.woff2' ) }", "b.css: loads https://fonts.org/a.woff2"),
        ("b.css", "@import '//fonts.org/b.css';", "b.css: loads //fonts.org/b.css"),
    ],
)
def test_what_is_dead_or_from_elsewhere_is_found(tmp_path: Path, name: str, text: str, said: str) -> None:
    assert findings(build(tmp_path, {**GOOD, name: text})) == [said]


def test_a_folder_without_pages_is_no_site(tmp_path: Path) -> None:
    assert findings(tmp_path) == [f"{tmp_path}: holds no page"]
