"""Kills what a test run started, as soon as the run has ended, however it ended.

A script of its own, because a run that is killed can do nothing any more: `python watchdog.py PID NAME MARK`. It waits
for the process PID to end and then kills every process that was started with NAME=MARK in its environment.
"""

from __future__ import annotations

import os
import select
import sys

from process_table import kill, running, started_with


def main() -> None:
    pid, name, mark = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    watched = os.pidfd_open(pid)
    if os.getppid() == pid:  # else it has ended already, and the number may be another's
        select.select([watched], [], [])
    while left := [p for p in running() if p.pid in started_with(name, mark, separator="/")]:
        kill(left)


if __name__ == "__main__":
    main()
