"""A little of `make fuzz` with a seed that stays: every way in, what was found before first."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fuzzing import run, seeds
from fuzzing.child import content_of
from fuzzing.mutate import PNG, spoilt, with_checksums
from fuzzing.targets import TARGETS

SEED = 15
COUNTS = {"images": 200, "models": 80, "manifests": 150, "recordings": 60, "sets": 16}


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_crashes_hangs_or_ends_in_a_traceback(target: str, tmp_path: Path) -> None:
    faults = run.run(target, SEED, 0, COUNTS[target])
    assert faults == [], [str(run.keep(fault, SEED, tmp_path)) for fault in faults]


def test_inputs_are_the_same_for_the_same_seed() -> None:
    for target in TARGETS:
        beyond = len(seeds.found(target))
        assert content_of(target, SEED, beyond) == content_of(target, SEED, beyond)
        assert len({content_of(target, SEED, beyond + n) for n in range(20)}) > 10


@pytest.mark.parametrize("name", ["images", "models", "manifests", "recordings"])
def test_the_corpus_is_good_before_it_is_spoilt(name: str) -> None:
    for content in getattr(seeds, name)():
        TARGETS[name].feed(content)


def test_a_spoilt_png_is_looked_at_because_its_checksums_hold() -> None:
    good = next(content for content in seeds.images() if content.startswith(PNG))
    assert with_checksums(good) == good
    assert spoilt(good, b"", np.random.default_rng(3)) != good


@pytest.mark.parametrize(
    ("code", "what", "limit", "value"),
    [
        ("raise KeyError('x')", "KeyError", "", ""),
        ("import os; os.abort()", "ended by SIGABRT", "", ""),
        ("[None for _ in iter(int, 1)]", "the limit of processor time", "FUZZ_CPU_S", "1"),
        ("bytearray(b'x' * (1 << 28))", "MiB of memory", "FUZZ_GROWTH_MIB", "128"),
    ],
)
def test_what_an_input_must_not_do_is_noticed(
    code: str, what: str, limit: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import fuzzing.targets as t\n"
        f"def feed(content):\n    {code}\n"
        "t.TARGETS['images'] = t.Target(lambda random: b'x', feed, ())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    if limit:
        monkeypatch.setenv(limit, value)  # one alone: a slow machine must not meet the other first
    (fault,) = run.run("images", SEED, len(seeds.found("images")), 1)
    assert what in fault.what
