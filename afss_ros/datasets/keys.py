"""Keys that can name files: what a set calls its samples, made fit for every folder, and each different."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*")
_LONGEST = 180
"""Bytes of one part of a key: file systems take 255, and a suffix and a temporary name come on top."""


def is_key(key: object) -> bool:
    """Whether a key can name a file inside of a set, and nothing outside of it."""
    return isinstance(key, str) and bool(KEY.fullmatch(key)) and all(len(p) <= _LONGEST for p in key.split("/"))


def is_split(split: object) -> bool:
    """Whether a split can name a folder; "" is none."""
    return split == "" or (is_key(split) and "/" not in str(split))


def safe_key(name: str) -> str:
    """A key like the name: what cannot stand in one becomes `_`, and folders that lead upwards go.

    >>> safe_key("sub dir/b c"), safe_key("../../evil"), safe_key(".hidden"), safe_key("a/b.c")
    ('sub_dir/b_c', 'evil', 'hidden', 'a/b.c')
    """
    if is_key(name):
        return name
    parts = [re.sub(r"[^A-Za-z0-9_.+-]+", "_", part) for part in name.split("/") if part not in ("", ".", "..")]
    return "/".join(_short(part.strip("_.+-") or "frame") for part in parts) or "frame"


def _short(part: str) -> str:
    if len(part) <= _LONGEST:
        return part
    return f"{part[: _LONGEST - 9]}_{hashlib.sha256(part.encode()).hexdigest()[:8]}"


class Keys:
    """Gives out keys, each once: the second `a` is `a_2`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: Counter[str] = Counter()

    def take(self, name: str) -> str:
        """A key like `name` that was not given out before."""
        key = wanted = safe_key(name)
        while key in self._taken:
            self._numbers[wanted] += 1
            key = f"{wanted}_{self._numbers[wanted] + 1}"
        self._taken.add(key)
        return key
