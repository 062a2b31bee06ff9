"""One process of a fuzzing run: feeds input after input to a target, and says before each which one it is.

    python -m fuzzing.child TARGET SEED FIRST COUNT

It dies where an input takes more of the processor or of memory than may be, and its parent knows by which. What the
limits are measured in, processor seconds and resident memory, does not hang on what else the machine does.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path

import numpy as np

CPU_S = float(os.environ.get("FUZZ_CPU_S", "20"))
"""Of one input. The slowest good one takes a hundredth."""
GROWTH_BYTES = int(os.environ.get("FUZZ_GROWTH_MIB", "1024")) << 20
"""By which the most that was resident may grow over one input."""
_NOTHING = 255


def content_of(target: str, seed: int, number: int) -> bytes:
    """The input of a number: what was found before comes first, then chance."""
    from fuzzing import seeds
    from fuzzing.targets import TARGETS

    known = seeds.found(target)
    if number < len(known):
        return known[number][1]
    return TARGETS[target].make(np.random.default_rng([seed, sorted(TARGETS).index(target), number]))


def main(arguments: list[str]) -> int:
    target, seed, first, count = arguments[0], *map(int, arguments[1:])
    from fuzzing.targets import TARGETS

    faulthandler.enable()
    logging.disable(logging.CRITICAL)
    chosen = TARGETS[target]
    for number in range(first, first + count):
        content = content_of(target, seed, number)
        _say(number, "begins")
        before = _most_resident()
        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        try:
            chosen.feed(content)
        except chosen.expected as error:
            if not str(error):
                _say(number, "failed", f"{type(error).__name__} says nothing")
        except BaseException:
            _say(number, "failed", traceback.format_exc()[-3000:])
        signal.setitimer(signal.ITIMER_PROF, 0)
        if (grown := _most_resident() - before) > GROWTH_BYTES:
            _say(number, "failed", f"took {grown >> 20} MiB of memory")
    _say(_NOTHING, "done")
    return 0


def _most_resident() -> int:
    # Not ru_maxrss, which a process has from whoever began it.
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) << 10


def _say(number: int, what: str, more: str = "") -> None:
    os.write(int(os.environ["FUZZ_FD"]), (json.dumps([number, what, more]) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
