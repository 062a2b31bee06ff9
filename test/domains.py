"""DDS domains that belong to one test run of this machine at a time."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from process_table import started_with

DOMAINS = range(215, 232)
"""Their ports are above those that Linux gives to whoever asks for any, and 231 is the last that has all its ports."""
PATIENCE_S = 120.0


@contextmanager
def reserved_domain() -> Iterator[int]:
    """A DDS domain in which nobody speaks, and which no other test run on this machine gets meanwhile.

    A bound port is the reservation. It ends with its process; so a domain is free only if also no process lives that
    was started for it, and no socket is open at one of its ports.

    Raises:
        RuntimeError: every domain stays in use.
    """
    end = time.monotonic() + PATIENCE_S
    while True:
        for domain in DOMAINS:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as claim:
                if _bound(claim, domain) and not is_inhabited(domain):
                    yield domain
                    return
        if time.monotonic() > end:
            raise RuntimeError(f"every DDS domain from {DOMAINS[0]} to {DOMAINS[-1]} is in use; end other test runs")
        time.sleep(1.0)


def is_inhabited(domain: int) -> bool:
    """Whether a process lives that was started for this domain, or one that DDS in this domain listens in."""
    # The RTPS standard's ports of a domain: 250 from 7400 + 250 * domain on.
    first = 7400 + 250 * domain
    return any(first <= port < first + 250 for port in _udp_ports()) or bool(
        started_with("ROS_DOMAIN_ID", str(domain)) - {os.getpid()}
    )


def _bound(claim: socket.socket, domain: int) -> bool:
    try:
        claim.bind(("127.0.0.1", 21_000 + domain))
    except OSError:
        return False
    return True


def _udp_ports() -> Iterator[int]:
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        path = Path(table)
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            yield int(line.split()[1].rpartition(":")[2], 16)
