"""`afss evaluate --tracking` and `--truth`: recordings in, one document of figures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from afss_ros.evaluation.tracking import judge, told, truth
from afss_ros.sources import open_source
from afss_ros.student import Student
from afss_ros.threads import limited


def fly(
    model: Path, recordings: Sequence[Path], advance: Callable[[], None] = lambda: None, provider: str = "auto"
) -> list[judge.Flight]:
    """Fly a student with a tracker over rendered recordings, here and now.

    Raises:
        BagError, SourceError, StudentError, TruthError: one cannot be read, or has no truth.
    """
    flights = []
    with limited() as threads, Student(model, provider=provider, threads=threads) as student:
        for path in recordings:
            true = truth.read(path)
            with open_source(path) as source:
                here = told.follow(student, source, true)
            flights.append(judge.judge(true, here, in_pieces=len(recordings) == 1))
            advance()
    return flights


def compare(
    recordings: Sequence[Path], truths: Sequence[Path], advance: Callable[[], None] = lambda: None
) -> list[judge.Flight]:
    """Judge what nodes recorded, each by the flight of the same place in `truths`.

    Raises:
        TruthError: not one truth for each recording, or none in common.
        BagError: a bag cannot be read.
    """
    if len(recordings) != len(truths):
        raise truth.TruthError(
            f"{len(recordings)} recordings of tracks and {len(truths)} of truth: give --truth once for each --tracking"
        )
    flights = []
    for path, flight in zip(recordings, truths, strict=True):
        true, here = truth.read(flight), told.from_bag(path)
        if not true.frames.keys() & here.keys():
            raise truth.TruthError(f"{path} and {flight} have no frame in common: their stamps differ")
        flights.append(judge.judge(true, here, in_pieces=len(recordings) == 1))
        advance()
    return flights


def document(flights: Sequence[judge.Flight], **facts: Any) -> dict[str, Any]:
    """What `afss evaluate --json` writes of flights."""
    return {**facts, **judge.figures(flights), "each": [_each(f) for f in flights]}


def _each(flight: judge.Flight) -> dict[str, Any]:
    named = flight.counts.figures()
    return {
        "name": flight.name, "HOTA": named["HOTA"], "IDF1": named["IDF1"], "switches": flight.counts.switches,
        "false_tracks": flight.false_tracks, "crossings": flight.crossings, "crossings_switched": flight.switched,
    }  # fmt: skip
