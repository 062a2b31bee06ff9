"""A process whose work is done ends, whatever its libraries do at its end."""

from __future__ import annotations

import signal

import pytest
from domains import reserved_domain
from processes import python, run

from afss_ros.nodes import ending

PAUSE = "ctypes.PyDLL(None).pause"
"""Never returns, and holds Python's lock: no thread of Python runs beside it."""
AT_END = {
    "Python's": f"""
class Entity:
    def __del__(self, pause={PAUSE}):
        pause()
entity = Entity()
""",
    "the C library's": f"ctypes.CDLL(None).__cxa_atexit({PAUSE}, None, None)\n",
}


@pytest.mark.parametrize("whose", AT_END)
def test_an_end_that_hangs_is_ended_by_the_alarm(whose: str) -> None:
    code = f"""
import ctypes
from afss_ros.nodes import ending
ending.LIMIT_S = 0.5
ending.bound_exit()
{AT_END[whose]}print("done", flush=True)
"""
    result = run(python("-c", code))
    assert (result.returncode, result.stdout) == (-signal.SIGALRM, "done\n"), result.stderr


def test_nodes_that_are_not_torn_down_end_with_their_process_and_it_says_where_they_hung() -> None:
    code = f"""
import ctypes
from afss_ros.nodes import ending, spinning
from rclpy.node import Node
class Hanging(Node):
    def destroy_node(self):
        {PAUSE}()
ending.LIMIT_S = 0.5
with spinning.ros():
    spinning.destroy(Node("orderly"), Hanging("hanging"))
"""
    with reserved_domain() as domain:
        result = run(python("-c", code), domain=domain)
    assert result.returncode == -signal.SIGALRM
    assert "in destroy_node" in result.stderr


def test_ros_bounds_the_end_of_its_process() -> None:
    code = f"""
import ctypes
from afss_ros.nodes import ending, spinning
{AT_END["Python's"]}
with spinning.ros():
    ending.LIMIT_S = 0.5
"""
    with reserved_domain() as domain:
        result = run(python("-c", code), domain=domain)
    assert result.returncode == -signal.SIGALRM, result.stderr


def test_what_ends_in_time_leaves_nothing_armed() -> None:
    handler = signal.getsignal(signal.SIGALRM)
    with ending.bounded():
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is handler
