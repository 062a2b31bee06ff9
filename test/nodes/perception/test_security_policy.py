"""The SROS2 policy that ships allows what the live node does in its graph, and nothing else."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from perception_peer import Peer
from processes import ROOT

POLICY = ROOT / "config" / "security" / "perception.policy.xml"
RULES = {
    "topics": ("topic", {"publish", "subscribe"}),
    "services": ("service", {"reply", "request"}),
    "actions": ("action", {"call", "execute"}),
}
"""Kind of rule -> the element and the attributes that the schema of SROS2's policies (0.2.0) has for it."""
NODE = "perception_node"


def rules(path: Path) -> dict[str, set[str]]:
    """What a policy allows the node: "publish", "subscribe", "reply", "request" -> full names. Strict as the schema."""
    policy = ElementTree.parse(path).getroot()
    assert (policy.tag, policy.attrib) == ("policy", {"version": "0.2.0"})
    (enclaves,) = policy
    (enclave,) = enclaves
    (profiles,) = enclave
    (profile,) = profiles
    assert [e.tag for e in (enclaves, enclave, profiles, profile)] == ["enclaves", "enclave", "profiles", "profile"]
    assert enclave.attrib == {"path": f"/{NODE}"} and profiles.attrib == {}
    assert profile.attrib == {"ns": "/", "node": NODE}
    allowed: dict[str, set[str]] = {}
    for group in profile:
        element, attributes = RULES[group.tag]
        assert group.attrib and set(group.attrib) <= attributes and set(group.attrib.values()) == {"ALLOW"}
        for entry in group:
            assert entry.tag == element and not entry.attrib and entry.text and entry.text == entry.text.strip()
            for attribute in group.attrib:
                assert entry.text not in allowed.setdefault(attribute, set()), f"{entry.text} stands there twice"
                allowed[attribute].add(entry.text)
    return {attribute: {_full(name) for name in names} for attribute, names in allowed.items()}


def _full(name: str) -> str:
    return f"/{NODE}/{name[1:]}" if name.startswith("~") else name if name.startswith("/") else f"/{name}"


def graph(peer: Peer) -> dict[str, set[str]]:
    """What the node does in the graph as others see it."""
    node = peer.node
    asked = {
        "publish": node.get_publisher_names_and_types_by_node,
        "subscribe": node.get_subscriber_names_and_types_by_node,
        "reply": node.get_service_names_and_types_by_node,
        "request": node.get_client_names_and_types_by_node,
    }
    return {what: {name for name, _ in ask(NODE, "/")} for what, ask in asked.items()}


def test_it_allows_what_the_node_does_and_nothing_else(peer: Peer, tiny_student: Path) -> None:
    everything = {
        "model__path": str(tiny_student),
        "refer__resolver": "grammar",
        "tracking__enabled": True,
        "tracking__depth": True,
        "tracking__publish_tf": True,
    }
    allowed = rules(POLICY)
    seen: dict[str, set[str]] = {what: set() for what in allowed}

    def all_is_seen(wanted: dict[str, set[str]]) -> bool:
        """Discovery takes its time: whatever was seen once counts."""
        for what, names in graph(peer).items():
            seen.setdefault(what, set()).update(names)
        return all(names <= seen[what] for what, names in wanted.items())

    for transport, image in (("compressed", "/image/compressed"), ("raw", "/image")):
        assert peer.reload(**everything, input__image_transport=transport)
        peer.spin_until(lambda image=image: all_is_seen({"subscribe": {image}}), image)  # type: ignore[misc]
    assert peer.set_parameter("use_sim_time", True).successful
    if importlib.util.find_spec("tf2_msgs") is None:  # the wheels have none
        seen["publish"].add("/tf")
    try:
        peer.spin_until(lambda: all_is_seen(allowed), "all that is allowed")
    finally:
        assert peer.set_parameter("use_sim_time", False).successful
    assert {what: names for what, names in seen.items() if names} == allowed
