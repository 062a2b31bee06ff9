"""One perception_node for all tests that do not end it, made new for each by a reload."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from domains import reserved_domain
from perception_peer import Peer, PerceptionProcess
from processes import ROOT
from std_srvs.srv import SetBool

from afss_ros.nodes.parameter_specs import Takes
from afss_ros.nodes.perception.parameters import SPECS

# The tests fly with a profile that we ship. Fast DDS reads it when a process makes its first participant.
# Jazzy's Fast DDS knows the first name, Kilted's the second.
PROFILE = os.environ.setdefault("FASTRTPS_DEFAULT_PROFILES_FILE", str(ROOT / "config" / "fastdds_this_machine.xml"))
os.environ.setdefault("FASTDDS_DEFAULT_PROFILES_FILE", PROFILE)

# Whatever the tests before have set; what is read at the start alone stays as it is.
DEFAULTS = {spec.name.replace(".", "__"): spec.default for spec in SPECS if spec.takes is not Takes.START}
DEFAULTS["diagnostics__stale_after"] = 60.0  # as in PerceptionProcess


@pytest.fixture(scope="session")
def domain() -> Iterator[int]:
    with reserved_domain() as number:
        yield number


@pytest.fixture
def quiet_domain() -> Iterator[int]:
    """A domain in which no node of another test speaks."""
    with reserved_domain() as number:
        yield number


@pytest.fixture(scope="session")
def perception_process(domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PerceptionProcess]:
    log = tmp_path_factory.mktemp("perception") / "log"
    with PerceptionProcess(domain, log, diagnostics__period=0.1) as process:
        yield process
        assert process.stop() == 0, process.log


@pytest.fixture(scope="session")
def session_peer(perception_process: PerceptionProcess, domain: int) -> Iterator[Peer]:
    peer = Peer(domain)
    yield peer
    peer.close()


@pytest.fixture
def idle_peer(session_peer: Peer, perception_process: PerceptionProcess) -> Iterator[Peer]:
    """A peer of a perception_node in whatever state the last test left it."""
    yield session_peer
    session_peer.forget()
    assert perception_process.process.poll() is None, "perception_node died:\n" + perception_process.log


@pytest.fixture
def peer(idle_peer: Peer, tiny_student: Path) -> Peer:
    """A peer of a perception_node that is active, with the tiny student and everything else by default."""
    assert idle_peer.reload(**{**DEFAULTS, "model__path": str(tiny_student)})
    assert idle_peer.call(SetBool, "/perception_node/enable", SetBool.Request(data=True)).success
    return idle_peer
