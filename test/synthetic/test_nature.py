"""Frames before drawn nature: of every kind, without craft where so asked, and of no effect on all other frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from afss_ros import datasets
from afss_ros.synthetic.draw import draw_scene
from afss_ros.synthetic.errors import SyntheticError
from afss_ros.synthetic.nature import fields
from afss_ros.synthetic.nature.draw import KINDS, Backdrop, draw_backdrop
from afss_ros.synthetic.opengl.renderer import Renderer
from afss_ros.synthetic.produce import Order, produce
from afss_ros.synthetic.render import Nature, render_sample


@pytest.fixture(scope="module")
def backdrops() -> list[Backdrop]:
    return [draw_backdrop(np.random.default_rng([5, i]), 36, 48) for i in range(150)]


def test_every_kind_is_drawn_and_is_light(backdrops: list[Backdrop]) -> None:
    assert {b.kind for b in backdrops} == set(KINDS)
    for backdrop in backdrops:
        assert backdrop.radiance.shape == (36, 48, 3) and backdrop.radiance.dtype == np.float32
        assert np.isfinite(backdrop.radiance).all() and backdrop.radiance.min() >= 0
        assert np.linalg.norm(backdrop.sun) == pytest.approx(1.0)


def test_kinds_show_something_and_no_two_are_alike(backdrops: list[Backdrop]) -> None:
    by_kind: dict[str, list[Backdrop]] = {}
    for backdrop in backdrops:
        by_kind.setdefault(backdrop.kind, []).append(backdrop)
    for kind, drawn in by_kind.items():
        assert np.median([b.radiance.max() for b in drawn]) > 0.1, kind
        assert not np.array_equal(drawn[0].radiance, drawn[1].radiance), kind


def test_a_backdrop_depends_on_its_generator_alone(backdrops: list[Backdrop]) -> None:
    again = draw_backdrop(np.random.default_rng([5, 7]), 36, 48)
    assert np.array_equal(again.radiance, backdrops[7].radiance) and again.kind == backdrops[7].kind


def test_textures_seen_from_far_are_their_mean() -> None:
    x, y = fields.grid(32, 32)
    near = fields.grey(np.random.default_rng(1), "fine", x, y, 0.03)
    far = fields.grey(np.random.default_rng(1), "fine", x, y, 40.0)
    assert near.std() > 3 * far.std()
    assert far.mean() == pytest.approx(0.5, abs=0.1)


def test_frames_without_nature_are_the_same_to_the_bit(renderer: Renderer) -> None:
    changed = 0
    for index in range(12):
        plain = render_sample(renderer, 8, "train", index, 48)
        mixed = render_sample(renderer, 8, "train", index, 48, Nature(0.5, 0.5))
        if not np.array_equal(plain.image, mixed.image):
            changed += 1
            continue
        assert np.array_equal(plain.labels, mixed.labels)
        assert plain.attributes == mixed.attributes
    assert 0 < changed < 12


def test_empty_frames_show_no_craft_and_the_others_do(renderer: Renderer) -> None:
    empty = [render_sample(renderer, 8, "train", i, 48, Nature(1.0, 1.0)) for i in range(6)]
    assert not any(sample.labels.any() or sample.instances.any() for sample in empty)
    assert any(sample.image.std() > 10 for sample in empty)
    craft = [render_sample(renderer, 8, "train", i, 48, Nature(1.0, 0.0)) for i in range(10)]
    assert sum(bool(sample.labels.any()) for sample in craft) > 6
    assert 2 < sum(s.attributes["background"] == "nature" for s in craft) < 10, "some stand before other backgrounds"
    assert all(s.attributes["nature"] in KINDS for s in craft if s.attributes["background"] == "nature")


def test_tiny_craft_are_tiny() -> None:
    scenes = [draw_scene(np.random.default_rng(i), "limb", "train", 96, 96, fitted=True, tiny=True) for i in range(20)]
    first = [(s, s.craft[0]) for s in scenes if s.craft and s.craft[0].instance]
    across = [p.craft.radius / -p.translation[2] / min(s.tangent) for s, p in first]
    assert len(first) > 10 and np.median(across) < 0.2


def test_a_set_says_what_its_world_was(tmp_path: Path) -> None:
    produce(Order(tmp_path / "old", 1, size=32, seed=3), processes=1)
    produce(Order(tmp_path / "new", 2, size=32, seed=3, nature=1.0, empty=1.0), processes=1)
    old, new = (datasets.load(tmp_path / name) for name in ("old", "new"))
    assert old.provenance["world"] == 6 and "nature" not in old.provenance
    assert new.provenance["world"] == 7 and new.provenance["nature"] == 1.0
    assert all(sample.searched and not sample.read_instances() for sample in new.samples)
    with pytest.raises(SyntheticError, match="provenance"):
        produce(Order(tmp_path / "old", 2, size=32, seed=3, nature=0.5), processes=1)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_outside_of_0_to_1_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(SyntheticError, match="nature and empty"):
        Order(tmp_path, 1, nature=share)
