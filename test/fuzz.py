"""Feed spoilt inputs to the ways in, for a while, and keep those that did what none may: `make fuzz`.

    python test/fuzz.py [--minutes 10] [--seed N] [--only images models manifests recordings sets] [--out out/fuzz]

A fault is a traceback, a crash, a hang, or a gigabyte of memory for one input. Exit code 1 where there was one; its
input lies in OUT, to be put into test/fuzzing/found/ once it is mended.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from fuzzing import run
from fuzzing.targets import TARGETS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Feed spoilt inputs to the ways in.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed makes the same inputs")
    parser.add_argument("--only", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    options = parser.parse_args(arguments)
    _tell(f"seed {options.seed}")
    found = 0
    for target, had, faults in run.until(options.minutes * 60, options.only, options.seed):
        _tell(f"{target}: {had} inputs, {len(faults)} faults in the last ones")
        for fault in faults:
            _tell(f"  {run.keep(fault, options.seed, options.out)}: {fault.what}")
        found += len(faults)
    _tell(f"{found} faults")
    return 1 if found else 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
