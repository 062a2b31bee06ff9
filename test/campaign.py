"""Inject faults into a live node, one kind after the other, and write what became of each: `make campaign`.

    python test/campaign.py [--out out/campaign] [--scale 1.0] [--only NAME ...]

Exit code 0 when every fault was noticed and survived, no answer was invented, and every frame has one fate. `--scale`
multiplies how often each fault is injected.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from faults import files, life, traffic
from faults.bench import Bench, Outcome

Fault = Callable[[Bench], Outcome]


def faults(scale: float) -> dict[str, Fault]:
    """Every kind, in the order in which they are injected; the last ones end the process."""

    def times(count: int) -> int:
        return max(1, round(count * scale))

    return {
        "malformed_images": lambda bench: traffic.malformed_images(bench, times(20_000)),
        "flipped_files": lambda bench: files.flipped_files(bench, times(60)),
        "wrong_manifests": lambda bench: files.wrong_manifests(bench, times(40)),
        "flipped_bits": lambda bench: life.flipped_bits(bench, times(40)),
        "rotten_memory": lambda bench: life.rotten_memory(bench, times(10)),
        "ended_threads": lambda bench: life.ended_threads(bench, times(20)),
        "stale_engines": lambda bench: files.stale_engines(bench, times(20)),
        "full_disk": files.full_disk,
        "jumping_clocks": lambda bench: traffic.jumping_clocks(
            bench, (3600.0, -3600.0, 5.0, -5.0, 1e8, -1e9)[: times(6)]
        ),
        "silent_camera": lambda bench: life.silent_camera(bench, times(3)),
        "lifecycle_storm": lambda bench: traffic.lifecycle_storm(bench, times(200)),
        "parameter_storm": lambda bench: traffic.parameter_storm(bench, times(600)),
        "standstill": lambda bench: life.standstill(bench, times(3)),
        "killed": lambda bench: life.killed(bench, times(3)),
        "hung_inference": lambda bench: life.hung_inference(bench, times(2)),
    }


def run(scale: float, only: Sequence[str] = (), tell: Callable[[str], None] = lambda line: None) -> dict[str, Outcome]:
    """Inject every fault, or those named, into one node; what became of each, by name."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder)) as bench:
        os.environ["AFSS_CACHE_DIR"] = str(Path(folder) / "cache")
        try:
            for name, fault in faults(scale).items():
                if only and name not in only:
                    continue
                began = time.monotonic()
                outcomes[name] = fault(bench)
                tell(f"{'ok  ' if outcomes[name].passed else 'FAIL'} {name} ({time.monotonic() - began:.0f} s)")
        finally:
            del os.environ["AFSS_CACHE_DIR"]
    return outcomes


def table(outcomes: dict[str, Outcome]) -> str:
    """The outcomes as Markdown."""
    rows = ["| injected | noticed | within | said | survived | wrong until noticed | invented | adds up |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for outcome in outcomes.values():
        within = "at once" if outcome.slowest_s is None else f"{outcome.slowest_s:.1f} s"
        said = outcome.said.replace("|", "/").replace("\n", " ")
        cells = (
            outcome.fault,
            f"{outcome.noticed} of {outcome.injected}",
            within,
            said if len(said) < 160 else f"{said[:157]}...",
            _yes(outcome.survived),
            str(outcome.wrong),
            str(outcome.invented),
            _yes(outcome.adds_up),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _yes(value: bool) -> str:
    return "yes" if value else "**no**"


def main() -> int:
    """Run the campaign; see the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/campaign"))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", nargs="*", default=[], choices=sorted(faults(1.0)))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    outcomes = run(options.scale, options.only, _say)
    (options.out / "campaign.md").write_text(table(outcomes))
    found = {name: dataclasses.asdict(outcome) for name, outcome in outcomes.items()}
    (options.out / "campaign.json").write_text(json.dumps(found, indent=1) + "\n")
    _say(f"{options.out}/campaign.md")
    return 0 if all(outcome.passed for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
