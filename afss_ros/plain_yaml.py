"""YAML of others: regular files of a bounded size, whose aliases cannot make a page into gigabytes.

A file of a kilobyte can say "ten times the list above" twenty times over. Built, that costs nothing, for it is one list
that is pointed at; whoever then walks it never ends.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import yaml

LARGEST = 16 << 20
"""Bytes of a file that is read."""
MOST_REPEATED = 100_000
"""Values that aliases may repeat."""


def read(path: Path, largest: int = LARGEST) -> Any:
    """The value that a YAML file holds; None for an empty one.

    Raises:
        OSError: it is missing, no regular file, too large, or cannot be read.
        yaml.YAMLError: it is no YAML, or no UTF-8.
    """
    return load(read_regular(path, largest))


def read_regular(path: Path, largest: int) -> str:
    """The text of a regular file: a pipe would be waited on for ever, and a device has no end.

    Raises:
        OSError: it is missing, no regular file, too large, or cannot be read.
        yaml.YAMLError: it is no UTF-8.
    """
    facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    if facts.st_size > largest:
        raise OSError(errno.EFBIG, f"has {facts.st_size} bytes, more than the {largest} that are believed", str(path))
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as err:
        raise yaml.YAMLError(f"no UTF-8 text (byte {err.start})") from err


def load(text: str, loader: type[yaml.SafeLoader] | type[yaml.BaseLoader] = yaml.SafeLoader) -> Any:
    """The value that a text of YAML holds; None for an empty one.

    Raises:
        yaml.YAMLError: it is none, is nested too deeply, or repeats itself without measure.
    """
    try:
        maker = loader(text)
        node = maker.get_single_node()
        if node is None:
            return None
        if _repeated(node) > MOST_REPEATED:
            raise yaml.YAMLError(f"its aliases repeat more than {MOST_REPEATED} values; write them out")
        return maker.construct_document(node)
    except RecursionError as err:
        raise yaml.YAMLError("it is nested too deeply, or holds itself") from err
    except (ValueError, OverflowError) as err:  # a date that is none, a number of too many digits
        raise yaml.YAMLError(f"a value that is none: {err}") from err


def _repeated(root: yaml.Node) -> int:
    """How many values a walk along all aliases meets beyond those that are written down."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            children = node.value if isinstance(node, yaml.CollectionNode) else ()
            pairs = isinstance(node, yaml.MappingNode)
            sizes[id(node)] = 1 + sum(size(each) for child in children for each in (child if pairs else (child,)))
        return sizes[id(node)]

    return size(root) - len(sizes)
