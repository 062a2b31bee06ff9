"""Spoilt views: what they do to a picture, and to what was said of it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from afss_ros.cli import main
from afss_ros.refer import ReferError
from afss_ros.refer.sets.degrade import FAMILIES, grain, grey, low_light, sepia, still_true, view
from afss_ros.refer.sets.generate import Wishes, generate
from afss_ros.refer.sets.made import make
from afss_ros.refer.sets.references import read_references

RNG = np.random.default_rng(1)


def test_views_of_a_grey_field_keep_its_brightness() -> None:
    field = np.full((64, 64, 3), 100, np.uint8)
    assert (grey(field, RNG) == 100).all()
    assert abs(float(grain(field, RNG).mean()) - 255 * (100 / 255) ** 1.1) < 2
    # Red is weighed with red: 0.393 + 0.769 + 0.189 of it, and no noise that brightens.
    assert abs(float(sepia(field, RNG)[..., 0].mean()) - 135.1) < 2
    assert 25 < float(low_light(field, RNG).mean()) < 52
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    assert np.unique(grey(red, RNG)).tolist() == [60]


def test_a_view_is_the_same_for_a_seed_and_others_are_met() -> None:
    _, picture = make(1)
    for family, views in FAMILIES.items():
        name, shown = view(picture, family, "a")
        assert shown.shape == picture.shape and np.array_equal(shown, view(picture, family, "a")[1])
        assert {view(picture, family, str(n))[0] for n in range(20)} == set(views)
        assert name in views
    with pytest.raises(ReferError, match="no views are called 'fog'; they are historic and space"):
        view(picture, "fog", "a")


def test_what_a_view_makes_untrue_is_no_longer_said() -> None:
    dropped = kept = 0
    for seed in range(1, 13):
        scene, picture = make(seed)
        said = generate(scene, random.Random(seed), Wishes(counted=True))
        _, left = still_true(said, scene, grey(picture, RNG), "grey")
        assert not [e.text for e in left if "colour" in str(e.meaning).lower()]
        plain = [e for e in said if e.kind in ("place", "extreme", "side") and len(e.meaning.tests) == 1]
        assert {e.text for e in plain if "est" not in e.text} <= {e.text for e in left}
        dropped, kept = dropped + len(said) - len(left), kept + len(left)
        _, same = still_true(said, scene, picture, "")
        assert same == said
    assert dropped > 30 and kept > 2 * dropped


@pytest.mark.parametrize("family", FAMILIES)
def test_a_spoilt_set_is_judged_certain(family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    assert main(["refer", "build", "made:8", "--out", str(out), "--degrade", family]) == 0
    assert "no longer true" in capsys.readouterr().out
    assert main(["refer", "check", str(out)]) == 0
    assert {r.view for r in read_references(out)} <= set(FAMILIES[family])
    scenes = [json.loads(line) for line in (out / "scenes.jsonl").read_text().splitlines()]
    assert all((out / scene["image"]).is_file() and scene["image"].startswith("views/") for scene in scenes)
    assert main(["refer", "build", "made:2", "--out", str(out), "--degrade", "fog"]) == 1
