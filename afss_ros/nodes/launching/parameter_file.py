"""A parameter file as the user of a launch file means it.

To ROS a key without a slash, `perception_node:`, is the node of that name in the root namespace. Who launches one node
and gives one file means that node, whatever its namespace; ROS drops the file's values without a word. Here such a key
is given the node's full name. A file in which nothing is the node's is an error, and a key that is nearly its name a
warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import yaml

from afss_ros.nodes.launching.errors import LaunchError

_PARAMETERS = "ros__parameters"


def full_name(namespace: str, name: str) -> str:
    """Return a node's full name: `/chaser/perception_node`."""
    return "/" + "/".join(part for part in (*namespace.split("/"), name) if part)


@dataclass(frozen=True, slots=True)
class ParameterFile:
    """A parameter file, read for one node.

    Attributes:
        text: the file; with its plain key, if it has one for the node, written as the full name.
        changed: whether that was necessary.
        misspelt: keys that are nearly the node's name, each with what it probably means.
    """

    text: str
    changed: bool
    misspelt: dict[str, str]

    @classmethod
    def read(cls, path: Path, node: str) -> ParameterFile:
        """Read the file for the node with this full name.

        Raises:
            LaunchError: it is no file, no YAML, or has keys of which none is the node's.
        """
        try:
            written = path.read_text()
            root = yaml.compose(written)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise LaunchError(f"params_file {path} cannot be read: {error}") from error
        if root is None:
            return cls(written, changed=False, misspelt={})
        if not isinstance(root, yaml.MappingNode):
            raise LaunchError(f"params_file {path} must map names of nodes to {_PARAMETERS}")
        keys = list(_keys(root.value))
        name = node.rpartition("/")[2]
        if keys and not any(key == name or _matches(key, node) for key in keys):
            raise LaunchError(
                f"params_file {path} has nothing for {node}: its keys are {', '.join(keys)}; write {name} or {node}"
            )
        misspelt = {key: node for key in keys if not _matches(key, node) and _resembles(key, name)}
        if f"/{name}" == node:
            return cls(written, changed=False, misspelt=misspelt)
        if not _spell_out(root, name, node):
            return cls(written, changed=False, misspelt=misspelt)
        return cls(yaml.serialize(root), changed=True, misspelt=misspelt)


def _spell_out(root: yaml.MappingNode, name: str, node: str) -> bool:
    """Write the plain key `name` as the full name `node`; returns whether there was one.

    To ROS the last word in a file counts: what it says of the node in full stays behind the plain key.
    """
    place = next((i for i, (key, _) in enumerate(root.value) if key.value == name), None)
    if place is None:
        return False
    in_full = next(
        (i for i, pair in enumerate(root.value) if any(full_name(key, "") == node for key in _keys([pair]))), place
    )
    key, value = root.value.pop(place)
    key.value = node
    root.value.insert(min(place, in_full), (key, value))
    return True


def _keys(pairs: Iterable[tuple[yaml.Node, yaml.Node]], above: str = "") -> Iterator[str]:
    """The names of nodes in a mapping, as they are written; nested namespaces are joined with slashes."""
    for key, value in pairs:
        path = f"{above}/{key.value}".replace("//", "/") if above else str(key.value)
        if not isinstance(value, yaml.MappingNode) or any(inner.value == _PARAMETERS for inner, _ in value.value):
            yield path
        else:
            yield from _keys(value.value, path)


def _matches(key: str, node: str) -> bool:
    """Whether ROS gives the values under `key` to the node: * is one name, ** any number of them."""
    parts = [part for part in key.split("/") if part]
    patterns = {"*": r"/\w+", "**": r"(/\w+)*"}
    return re.fullmatch("".join(patterns.get(part, "/" + re.escape(part)) for part in parts), node) is not None


def _resembles(key: str, name: str) -> bool:
    last = key.rpartition("/")[2]
    return last != name and bool(get_close_matches(last, [name], cutoff=0.8))
