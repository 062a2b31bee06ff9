"""What programs leave in shared memory when they are killed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from pathlib import Path

import pytest
from processes import python, started

from afss_ros.nodes import shared_memory, spinning

PROGRAM = """
import os, pathlib, sys, time, rclpy
rclpy.init()
node = rclpy.create_node("short_lived")
held = [str(path.readlink()) for path in pathlib.Path("/proc/self/fd").iterdir() if path.is_symlink()]
sys.stdout.write(" ".join(name for name in held if name.endswith("_el") and "port" not in name) + "\\n")
sys.stdout.flush()
time.sleep(1000)
"""


def segments(program: subprocess.Popen[str]) -> set[Path]:
    """The segments whose locks a program says that it holds; it sees others' too."""
    assert program.stdout is not None
    locks = next(
        line for line in program.stdout if line.startswith("/dev/shm/")
    )  # the middleware may say something first
    return {Path(lock.removesuffix("_el")) for lock in locks.split()}


def test_a_killed_program_leaves_its_shared_memory_until_the_next_one_begins(
    quiet_domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(quiet_domain))
    with started(python("-c", PROGRAM)) as killed, started(python("-c", PROGRAM)) as alive:
        dead, living = segments(killed), segments(alive)
        assert dead and living and all(path.exists() for path in dead | living)
        killed.kill()
        killed.wait()
        time.sleep(shared_memory._LEAST_AGE_S)
        with spinning.ros([]):
            assert not any(path.exists() or path.with_name(f"{path.name}_el").exists() for path in dead)
            assert all(path.exists() for path in living)


def test_only_what_nobody_holds_any_more_is_taken_away(tmp_path: Path) -> None:
    free, held, young, other = (tmp_path / name for name in (
        "fastrtps_0123456789abcdef", "fastdds_0123456789abcdef", "fastdds_1123456789abcdef", "sem.fastdds_port7411",
    ))  # fmt: skip
    for segment in (free, held, young, other):
        segment.write_bytes(b"x" * 8192)
        (tmp_path / f"{segment.name}_el").touch()
    long_ago = time.time() - 60
    for segment in (free, held, other):
        os.utime(tmp_path / f"{segment.name}_el", (long_ago, long_ago))
    with (tmp_path / f"{held.name}_el").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert shared_memory.sweep(tmp_path) == (1, 8192)
        assert {path.name for path in tmp_path.iterdir()} == {
            name for segment in (held, young, other) for name in (segment.name, f"{segment.name}_el")
        }
    assert shared_memory.sweep(tmp_path).segments == 1  # its holder is gone now
    assert shared_memory.sweep(tmp_path / "nowhere") == (0, 0)
