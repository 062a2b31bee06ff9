"""The metadata half of the student contract: the `afss.*` entries of an `.onnx`, parsed and checked one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from afss_ros.labels import UNLABELLED
from afss_ros.student import evidence

VERSION = "1"
PREFIX = "afss."
_STEEPEST = 100.0
MAX_NAME = 200
"""Characters of a class name."""


def parse(metadata: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Parse every entry of the contract.

    Returns:
        The values by key without prefix, None where one is missing or wrong, and one sentence for each of those.
    """
    values: dict[str, Any] = {}
    violations: list[str] = []
    for key, (parse_entry, expected, default) in _ENTRIES.items():
        text = metadata.get(PREFIX + key, default)
        values[key] = None
        if text is None:
            violations.append(f"metadata {PREFIX}{key} is missing; it must be {expected}")
            continue
        try:
            values[key] = parse_entry(text)
        # Hand-written JSON can be wrong in each of these ways; json.JSONDecodeError is a ValueError.
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            violations.append(f"metadata {PREFIX}{key} must be {expected}, got {text[:80]!r}")
    return values, violations


def _text(text: str) -> str:
    return _require(text, bool(text.strip()))


def _version(text: str) -> str:
    return _require(text, text == VERSION)


def _sha256(text: str) -> str:
    return _require(text, re.fullmatch(r"[0-9a-f]{64}", text) is not None)


def _box_source(text: str) -> str:
    return _require(text, text in ("", "boxes", "labels"))


def _require(text: str, holds: bool) -> str:
    if not holds:
        raise ValueError(text)
    return text


def _size(text: str) -> tuple[int, int]:
    height, width = json.loads(text)
    if type(height) is not int or type(width) is not int or min(height, width) < 1:
        raise ValueError(text)
    return height, width


def _class_names(text: str) -> dict[int, str]:
    names = {int(key): name for key, name in json.loads(text).items()}
    ids_hold = names[0] == "background" and all(0 <= i < UNLABELLED for i in names)
    names_hold = all(_is_name(name) for name in names.values()) and len(set(names.values())) == len(names)
    if not (ids_hold and names_hold):
        raise ValueError(text)
    return names


def _is_name(name: Any) -> bool:
    """Whether it can be shown and sent: JSON can hold halves of characters, which no message can."""
    return isinstance(name, str) and name.isprintable() and 0 < len(name) <= MAX_NAME


def _line(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    slope, offset = (float(v) for v in json.loads(text))
    if not (0 < slope < _STEEPEST and abs(offset) < _STEEPEST):  # nor NaN
        raise ValueError(text)
    return slope, offset


def _weights(text: str) -> dict[str, float] | None:
    if not text:
        return None
    found = {str(name): float(value) for name, value in json.loads(text).items()}
    bounded = all(abs(value) < _STEEPEST for value in found.values())  # nor NaN
    if not (set(found) <= {*evidence.NAMES, evidence.OFFSET} and bounded and found.get("score", 0) > 0):
        raise ValueError(text)
    return found


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


# key -> (parser, what it must be, text when absent; None makes the entry mandatory)
_ENTRIES: dict[str, tuple[Callable[[str], Any], str, str | None]] = {
    "contract_version": (_version, f"'{VERSION}', the version that this package speaks", None),
    "family": (_text, "the name of the architecture", None),
    "class_names": (
        _class_names,
        'JSON id -> unique printable name with ids 0..254, 0 the background, e.g. {"0": "background", "1": "body"}',
        None,
    ),
    "input_size": (_size, "JSON [height, width] in pixels", None),
    "training_data": (_text, "a sentence", None),
    "licence": (_text, "an SPDX id or a sentence", None),
    "metrics": (_object, 'a JSON object, e.g. {"set": "name", "iou": 0.9}, or {}', None),
    "producer": (_text, "the exporting program and its version", None),
    "weights_sha256": (_sha256, "64 lower-case hexadecimal digits", None),
    "score_calibration": (_line, f"JSON [slope, offset], 0 < slope < {_STEEPEST:g}, |offset| below it, or absent", ""),
    "score_weights": (
        _weights,
        f"a JSON object of {', '.join((*evidence.NAMES, evidence.OFFSET))}, each below {_STEEPEST:g}, score above 0",
        "",
    ),
    "box_source": (_box_source, "'boxes' or 'labels', or absent", ""),
}
