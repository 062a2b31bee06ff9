"""python -m examples.rendezvous: fly, and write summary.json, error.png and rendezvous.mp4."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.student import Student
from examples.rendezvous import flight
from examples.rendezvous.drawn import Drawn
from examples.rendezvous.onboard import InProcess
from examples.rendezvous.world import World

ROOT = Path(__file__).resolve().parents[2]


def summary(logs: dict[int, flight.Log]) -> dict[str, Any]:
    """Figures of flights by seed, and of all together: NEES / 6 should be 1, and lies in `nees_95` if all is well."""
    each = {
        str(seed): {
            "length_m": log.length_m, "sights_taken": log.accepted, "sights_refused": log.refused,
            "distance_at_the_end_m": float(np.linalg.norm(log.truths[-1][:3])),
            "error_at_the_end_m": float(np.linalg.norm(log.beliefs[-1].mean[:3] - log.truths[-1][:3])),
            "nees_over_6": float(np.mean(log.nees) / 6),
            "nees_within_95": float(np.mean(np.array(log.nees) < 12.592)),
        }
        for seed, log in logs.items()
    }  # fmt: skip
    values = list(each.values())
    # The frames of a flight hang together, so there are as many draws as flights, each of six degrees of freedom.
    draws = np.random.default_rng(0).chisquare(6, (20_000, len(logs))).mean(1) / 6
    return {
        "flights": each,
        "nees_over_6": float(np.mean([v["nees_over_6"] for v in values])),
        "nees_95": [float(v) for v in np.percentile(draws, [2.5, 97.5])],
        "nees_within_95": float(np.mean([v["nees_within_95"] for v in values])),
        "error_at_the_end_m_median": float(np.median([v["error_at_the_end_m"] for v in values])),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Fly one seed over DDS, or several in this process."""
    parser = argparse.ArgumentParser(prog="make rendezvous", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--seeds", type=int, default=0, help="fly that many, from --seed on, in this process and without pictures"
    )
    parser.add_argument("--out", type=Path, default=Path("out/rendezvous"))
    parser.add_argument("--calm", action="store_true", help="without faults")
    parser.add_argument(
        "--in-process", action="store_true", help="without a graph: student and tracker in this process"
    )
    parser.add_argument("--drawn", action="store_true", help="draw sights instead of pictures: seconds a flight")
    parser.add_argument(
        "--figure", nargs="+", metavar="NAME=SUMMARY", help="only draw flights.png of summaries of many seeds"
    )
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.figure:
        from examples.rendezvous import pictures

        named = [given.partition("=") for given in options.figure]
        pictures.flights(
            options.out / "flights.png", {name: json.loads(Path(file).read_text()) for name, _, file in named}
        )
        return 0
    faults = flight.NO_FAULTS if options.calm else flight.ALL_FAULTS
    logs: dict[int, flight.Log] = {}
    for seed in range(options.seed, options.seed + max(options.seeds, 1)):
        if options.drawn:
            drawn = Drawn(seed)
            logs[seed] = flight.fly(drawn, drawn, seed, faults)
            continue
        world = World(seed)
        try:
            if options.seeds or options.in_process:
                with Student(ROOT / "models" / "student.onnx") as student:
                    logs[seed] = flight.fly(
                        world, InProcess(student, world.length_m), seed, faults, keep_views=not options.seeds
                    )
            else:
                logs[seed] = _over_dds(world, seed, faults, options.out)
        finally:
            world.close()
        _write(options.out, logs)
    document = _write(options.out, logs)
    if not (options.seeds or options.drawn):
        from examples.rendezvous import pictures

        pictures.plot(options.out / "error.png", logs[options.seed])
        pictures.video(options.out / "rendezvous.mp4", logs[options.seed])
    sys.stdout.write(json.dumps({k: v for k, v in document.items() if k != "flights"}, indent=1) + f"\n{options.out}\n")
    return 0


def _write(folder: Path, logs: dict[int, flight.Log]) -> dict[str, Any]:
    """What is known so far: many flights take long, and may be interrupted."""
    document = summary(logs)
    (folder / "summary.json").write_text(json.dumps(document, indent=1) + "\n")
    return document


def _over_dds(world: World, seed: int, faults: flight.Faults, folder: Path) -> flight.Log:
    from examples.rendezvous.graph import Graph

    with Graph(world.length_m, folder) as graph:

        def befall(time: float) -> None:
            if faults.dead[1] > faults.dead[0]:
                if time == faults.dead[0]:
                    graph.kill()
                elif time == faults.dead[1]:
                    graph.start()

        return flight.fly(world, graph, seed, faults, keep_views=True, befall=befall)


if __name__ == "__main__":
    sys.exit(main())
