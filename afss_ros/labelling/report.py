"""`report.html`: a page to look through a set before training on it. It works from the file system, without a server.

Choices made there are saved as `choices.json`; put beside the page, `datasets.load` honours it and a page written
again starts from it.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from afss_ros import labels
from afss_ros.datasets import rle as run_length
from afss_ros.datasets.choices import read_choices
from afss_ros.datasets.files import write_atomically
from afss_ros.labelling.manifest import DAMAGED, LOOKED_AT, read_manifest
from afss_ros.labelling.outline import outlines
from afss_ros.teacher.prompts import CRAFT
from afss_ros.teacher.values import SCORES

_SHORT = {"detector_score": "det", "mask_score": "mask", "agreement": "agree", "temporal": "time"}
_MEANING = {
    "kept": "in the data set",
    "refused": "something was found, and the filter kept none of it: not in the data set",
    "empty": "nothing was found: not in the data set",
    "skipped": "too like a frame before: not labelled",
    "unreadable": "could not be decoded",
    "damaged": "places where the recording is broken and frames may be missing: listed at the end of the page",
    "thinned": "passed over by place or time, as asked",
    "missed": "a live frame that was not labelled; a replay adds it",
}


def filled(template: str, parts: Mapping[str, str]) -> str:
    """Put each part at its place, `__NAME__`, in one pass: what a part says, a bag's name for one, is no place.

    >>> filled("<title>__TITLE__</title>__DATA__", {"TITLE": "__DATA__", "DATA": "{}"})
    '<title>__DATA__</title>{}'
    """
    return re.sub(f"__({'|'.join(parts)})__", lambda place: parts[place[1]], template)


def write_report(root: Path) -> Path:
    """Write `report.html` of the labelled set at `root`, finished or not; returns its path."""
    declared = json.loads((root / "dataset.json").read_text())["provenance"]
    summary = root / "summary.json"
    counts = json.loads(summary.read_text())["frames"] if summary.exists() else None
    data = page_data(root, declared, counts)
    page = resources.files("afss_ros.labelling") / "page"
    title = html.escape(" ".join([declared["input"]["name"], *declared["input"]["topics"]]))
    parts = {
        "TITLE": title,
        "STYLE": (page / "report.css").read_text(),
        "SCRIPT": (page / "report.js").read_text(),
        "DATA": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
    }
    content = filled((page / "report.html").read_text(), parts)
    path = root / "report.html"
    write_atomically(path, content.encode())
    return path


def page_data(root: Path, declared: dict[str, Any], counts: dict[str, int] | None) -> dict[str, Any]:
    """What the page shows, as plain JSON values."""
    image_format = declared["settings"]["image_format"]
    frames: list[dict[str, Any]] = []
    other: list[dict[str, Any]] = []
    damage: list[dict[str, Any]] = []
    seen = Counter(dict.fromkeys((*LOOKED_AT, "skipped", "unreadable"), 0))
    first_kept = None
    for record in read_manifest(root / "manifest.jsonl"):
        status = record["status"]
        seen[status] += 1
        if status == "kept":
            first_kept = first_kept or record
        if status in LOOKED_AT:
            frames.append(_frame(record, image_format))
        else:
            rest = damage if status == DAMAGED else other
            rest.append({name: record[name] for name in ("key", "status", "reason")})
    choices = read_choices(root)
    return {
        "id": _identity(declared, first_kept),
        "how": _how(declared),
        "counts": counts or seen,
        "meaning": _MEANING,
        "thresholds": _thresholds(declared["keep"]),
        "scores": [name for name in SCORES if any(name in frame["scores"] for frame in frames)],
        "short": _SHORT,
        "colors": {c.name: "#{:02x}{:02x}{:02x}".format(*c.color) for c in labels.CLASSES},
        "frames": frames,
        "other": other,
        "damage": damage,
        "choices": {"keep": sorted(choices.keep), "drop": sorted(choices.drop)},
    }


def _identity(declared: dict[str, Any], first_kept: dict[str, Any] | None) -> str:
    """What tells this set from others in a browser that remembers choices.

    Choices are made of kept frames, so the first of them, with its masks and scores, is there before any choice is; it
    stays when a run goes on, and when the folder is moved.
    """
    return hashlib.sha256(json.dumps([declared, first_kept], sort_keys=True).encode()).hexdigest()[:16]


def _frame(record: dict[str, Any], image_format: str) -> dict[str, Any]:
    instances = [_instance(instance, record["width"]) for instance in record["instances"]]
    crafts = [i for i in instances if i["class_name"] == CRAFT]
    best = max(crafts, key=lambda i: (i["kept"], i["scores"].get("detector_score", 0.0)), default=None)
    return {
        **{name: record[name] for name in ("key", "width", "height", "status", "source")},
        "stamp_ns": str(record["stamp_ns"]),  # JavaScript's numbers end at 2^53
        "image": f"images/{record['key']}.{image_format}" if record["status"] == "kept" else None,
        "instances": instances,
        "scores": best["scores"] if best else {},
    }


def _instance(instance: dict[str, Any], width: int) -> dict[str, Any]:
    shapes = outlines(run_length.decode(instance["rle"]), tolerance=max(0.6, width / 800))
    return {
        "class_name": instance["class_name"],
        "box": instance["box_xyxy"],
        "scores": instance["scores"],
        "origin": instance["origin"],
        "kept": instance["kept"],
        "outlines": [[round(float(v), 1) for v in shape.ravel()] for shape in shapes[:40]],
    }


def _thresholds(keep: str) -> dict[str, float]:
    """The least value of each score that a plain filter such as `a >= 0.6 and b > 0.5` names; none of another one."""
    terms = [re.fullmatch(r"\(?\s*(\w+)\s*>=?\s*([0-9.]+)\s*\)?", term.strip()) for term in keep.split(" and ")]
    return {term[1]: float(term[2]) for term in terms if term} if all(terms) else {}


def _how(declared: dict[str, Any]) -> str:
    phrases = "; ".join(f"{name}: {', '.join(texts)}" for name, texts in declared["prompts"].items())
    parts = []
    for role in ("detector", "segmenter", "propagator"):
        made = declared["teacher"].get(role)
        if made:
            weights = f" {made['checkpoint']} ({str(made['sha256'])[:8]})" if made.get("checkpoint") else ""
            parts.append(f"{made[role]}{weights}")
    views = ", ".join(declared["views"])
    kept = f"kept where {declared['keep']}" if declared["keep"] else "everything kept"
    unheeded = "".join(f" · {text}" for text in declared.get("unheeded", ()))
    return f"prompts {phrases} · {' + '.join(parts)} · views {views} · {kept}{unheeded}"
