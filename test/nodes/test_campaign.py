"""The campaign of faults in a small form: what `make campaign` injects by the thousand."""

from __future__ import annotations

from pathlib import Path

import campaign
import pytest
from faults import files, life, traffic
from faults.bench import Bench, Outcome


def test_nothing_is_unnoticed_invented_or_uncounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFSS_CACHE_DIR", str(tmp_path / "cache"))
    with Bench(tmp_path) as bench:
        outcomes = {
            "malformed_images": traffic.malformed_images(bench, 300),
            "flipped_files": files.flipped_files(bench, 4),
            "wrong_manifests": files.wrong_manifests(bench, 8),
            "flipped_bits": life.flipped_bits(bench, 2),
            "rotten_memory": life.rotten_memory(bench, 1),
            "ended_threads": life.ended_threads(bench, 3),
            "stale_engines": files.stale_engines(bench, 2),
            "full_disk": files.full_disk(bench),
            "jumping_clocks": traffic.jumping_clocks(bench, (3600.0, -5.0)),
            "lifecycle_storm": traffic.lifecycle_storm(bench, 20),
            "parameter_storm": traffic.parameter_storm(bench, 40),
        }
    failed = {name: outcome for name, outcome in outcomes.items() if not outcome.passed}
    assert not failed, campaign.table(failed)


def test_one_fault_unnoticed_or_one_frame_too_many_fails_a_campaign() -> None:
    good = Outcome("a fault", injected=2, noticed=2, survived=True, adds_up=True)
    assert good.passed
    for change in ({"noticed": 1}, {"survived": False}, {"adds_up": False}, {"invented": 1}):
        assert not Outcome(**{**vars(good), **change}).passed
    assert "1 of 2" in campaign.table({"a": Outcome("a fault", injected=2, noticed=1)})


def test_every_kind_has_a_name_and_can_be_asked_for_alone() -> None:
    assert campaign.faults(1.0).keys() == campaign.faults(0.01).keys()
    assert len(campaign.faults(1.0)) >= 14
