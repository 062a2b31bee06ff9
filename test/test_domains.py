"""A DDS domain belongs to one test run, as long as anything that the run started lives."""

from __future__ import annotations

import socket
import subprocess
from contextlib import AbstractContextManager

from domains import DOMAINS, is_inhabited, reserved_domain
from processes import ROOT, python, started

WAIT = python("-c", "import time; print('here', flush=True); time.sleep(10000)")
RESERVE = """
from domains import reserved_domain
with reserved_domain() as domain:
    print(domain, flush=True)
    input()
"""


def reserving() -> AbstractContextManager[subprocess.Popen[str]]:
    """Another process that reserves a domain and says which."""
    return started(python("-c", RESERVE), changes={"PYTHONPATH": str(ROOT / "test")})


def test_two_reservations_differ_in_one_process_and_between_two() -> None:
    with reserved_domain() as ours, reserved_domain() as other, reserving() as process:
        assert process.stdout is not None
        theirs = int(process.stdout.readline())
        assert len({ours, other, theirs}) == 3
        assert {ours, other, theirs} <= set(DOMAINS)


def test_a_domain_is_not_free_while_a_process_lives_that_was_started_for_it() -> None:
    """Its reservation may have ended with the run that made it."""
    with reserved_domain() as domain:
        assert not is_inhabited(domain)
        with started(WAIT, domain=domain) as process:
            assert process.stdout is not None and process.stdout.readline() == "here\n"
            assert is_inhabited(domain)
        assert not is_inhabited(domain)


def test_a_domain_is_not_free_while_somebody_listens_in_it() -> None:
    """Whoever it is: processes of other users do not show what they were started with."""
    with reserved_domain() as domain, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unicast:
        unicast.bind(("127.0.0.1", 7400 + 250 * domain + 11))
        assert is_inhabited(domain)
