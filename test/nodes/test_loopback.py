"""A graph of one machine listens on its loopback; the range of discovery alone does not see to that."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path

import pytest
from perception_peer import Peer, PerceptionProcess
from processes import ROOT

SPACE = {"d": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}
LOOPBACK = "0100007F"


def sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            if (target := str(link.readlink())).startswith("socket:["):
                found.add(target[8:-1])
    return found


def listening(pid: int, domain: int) -> set[str]:
    """Addresses, as /proc/net/udp writes them, at which a process has a port of its DDS domain."""
    first, own = 7400 + 250 * domain, sockets(pid)
    found = set()
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        address, port = fields[1].split(":")
        if fields[9] in own and first <= int(port, 16) < first + 250:
            found.add(address)
    return found


def test_a_node_with_the_profile_of_one_machine_listens_on_the_loopback_alone(
    quiet_domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"):
        monkeypatch.setenv(name, str(ROOT / "config" / "fastdds_this_machine.xml"))
    with PerceptionProcess(quiet_domain, tmp_path / "log") as node:
        peer = Peer(quiet_domain)
        try:
            peer.status()  # it is discovered, and heard
        finally:
            peer.close()
        assert listening(node.process.pid, quiet_domain) == {LOOPBACK}


def test_the_two_profiles_differ_in_where_udp_listens_alone() -> None:
    plain, local = (ET.parse(ROOT / "config" / name).getroot() for name in ("fastdds.xml", "fastdds_this_machine.xml"))
    assert plain.find(".//d:interfaceWhiteList", SPACE) is None
    udp = local.find(".//d:interfaceWhiteList/..", SPACE)
    assert udp is not None and udp.findtext("d:type", "", SPACE) == "UDPv4"
    allowed = udp.find("d:interfaceWhiteList", SPACE)
    assert allowed is not None and [address.text for address in allowed] == ["127.0.0.1"]
    udp.remove(allowed)
    flat = [
        [(element.tag, (element.text or "").strip(), element.attrib) for element in root.iter()]
        for root in (plain, local)
    ]
    assert flat[0] == flat[1]
