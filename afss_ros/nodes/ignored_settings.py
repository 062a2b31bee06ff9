"""Settings that have no effect: parameters and QoS overrides that a node was given and does not have.

rclpy drops them without a word, so a misspelt line in a parameter file would look as if it worked.
"""

from __future__ import annotations

from difflib import get_close_matches

from rclpy.node import Node

_QOS = "qos_overrides."


def ignored_overrides(node: Node) -> list[str]:
    """The names of parameters that were given to the node and that it does not have, QoS overrides included.

    A node has a QoS override from when it makes the publisher or subscription, for the policies that may be overridden.
    """
    given = getattr(node, "_parameter_overrides", {})  # rclpy offers no public way to them
    return [name for name in given if not node.has_parameter(name)]


def ignored_parameters(node: Node) -> dict[str, str]:
    """Those that are no QoS overrides, each with the likeliest right name (or "")."""
    ours = [name for name in getattr(node, "_parameters", {}) if not name.startswith(_QOS)]
    unknown = [name for name in ignored_overrides(node) if not name.startswith(_QOS)]
    return {name: next(iter(get_close_matches(name, ours, cutoff=0.5)), "") for name in unknown}


def ignored_qos(node: Node, cures: dict[str, str]) -> list[str]:
    """One sentence for each QoS override without effect: which one, and what would have one.

    Args:
        cures: beginnings of names -> what to do instead, where that is known.
    """
    known = [name for name in getattr(node, "_parameters", {}) if name.startswith(_QOS)]
    found = []
    for name in ignored_overrides(node):
        if not name.startswith(_QOS):
            continue
        cure = next((cure for start, cure in cures.items() if name.startswith(start)), "")
        if not cure:
            near = next(iter(get_close_matches(name, known, cutoff=0.8)), "")
            topics = sorted({other.removeprefix(_QOS).rpartition(".")[0] for other in known})
            cure = f"did you mean {near}?" if near else f"what may be overridden here: {', '.join(topics) or 'nothing'}"
        found.append(f"{name} has no effect: {cure}")
    return found


def warn_of_ignored(node: Node) -> None:
    """Name in the log what was set and has no effect; called when the node has declared all that it has."""
    for name, meant in ignored_parameters(node).items():
        hint = f"; did you mean {meant}?" if meant else ""
        node.get_logger().warning(f"parameter {name} is not one of this node's and is ignored{hint}")
    for sentence in ignored_qos(node, {}):
        node.get_logger().warning(sentence)
