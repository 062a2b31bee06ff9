#!/usr/bin/env python3
"""Hold a built site against itself: every link has its page and its heading, and nothing is loaded from elsewhere.

    scripts/check_site.py out/site

Prints what is wrong, a line each, and exits with 1. Links to other machines are for a reader to follow and are left
alone; a script, style sheet, font or picture from there would keep the site from working offline, and tell others who
reads it.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
    "link": "href",
}
ELSEWHERE_IN_CSS = re.compile(r"(?:url\(\s*[\"']?|@import\s+[\"'])((?:https?:)?//[^\"')\s]+)")


@dataclass
class Page(HTMLParser):
    """What a page names, links to and loads."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif LOADED.get(tag) in values:
            self.loads.append(values[LOADED[tag]])


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    return page


def findings(site: Path) -> list[str]:
    """What is wrong with the site in a folder, each with the page that it is on."""
    pages = {path: read(path) for path in sorted(site.resolve().rglob("*.html"))}
    wrong = [] if pages else [f"{site}: holds no page"]
    for path, page in pages.items():
        where = path.relative_to(site.resolve())
        wrong += [f"{where}: loads {url}" for url in page.loads if _is_elsewhere(url)]
        for url in (*page.links, *(url for url in page.loads if not _is_elsewhere(url))):
            wrong += [f"{where}: {url} {what}" for what in _lost(url, path, pages)]
    for path in sorted(site.rglob("*.css")):
        wrong += [f"{path.relative_to(site)}: loads {url}" for url in ELSEWHERE_IN_CSS.findall(path.read_text())]
    return wrong


def _is_elsewhere(url: str) -> bool:
    return bool(urlsplit(url).netloc)


def _lost(url: str, page: Path, pages: dict[Path, Page]) -> list[str]:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return []
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return ["leads to no file"]
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return ["leads to no heading"]
    return []


def main() -> int:
    site = Path(sys.argv[1])
    wrong = findings(site)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
