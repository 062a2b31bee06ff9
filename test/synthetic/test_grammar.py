"""Every element of the grammar can be built, drawn, and carries the label it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from afss_ros.labels import ANTENNA, BACKGROUND, BODY, PANEL
from afss_ros.synthetic.backgrounds import KINDS
from afss_ros.synthetic.craft import adrift, antennas, arrays, bus, details, fittings, reflectors
from afss_ros.synthetic.craft.grammar import ARRAYS, BODIES, design
from afss_ros.synthetic.craft.model import Craft, Model
from afss_ros.synthetic.draw import SPLITS, design_seed, draw_scene, sample_rng
from afss_ros.synthetic.opengl.renderer import Renderer
from afss_ros.synthetic.planets import random_rotation
from afss_ros.synthetic.scene import Light, Placed, Scene, Sky

ORIGIN = np.zeros(3, np.float32)
UP = np.array([0.0, 0.0, 1.0], np.float32)


def name_of(build: object) -> str:
    """The name of a builder: the order of a set of functions changes from run to run."""
    return str(getattr(build, "__name__"))  # noqa: B009  the callables are typed as Protocols without a name


def parts_seen(renderer: Renderer, craft: Craft) -> set[int]:
    """Draw a craft from a few sides; the label ids that show."""
    seen: set[int] = set()
    rng = np.random.default_rng(1)
    light = Light(UP.astype(float), np.ones(3), np.full(3, 0.2), np.zeros(3), UP.astype(float))
    for _ in range(3):
        placed = Placed(craft, random_rotation(rng), np.array([0.0, 0.0, -craft.radius / 0.45]), 1, 0)
        t = (0.5, 0.5)
        rendered = renderer.render(Scene(96, 96, t, t, (placed,), (), light, Sky(), np.zeros((0, 4)), "stars"))
        assert np.isfinite(rendered.radiance).all()
        assert rendered.radiance[rendered.parts > 0].max() > 0.0
        seen |= set(np.unique(rendered.parts).tolist()) - {0}
    return seen


@pytest.mark.parametrize("name", BODIES)
def test_every_body_is_drawn_as_body(renderer: Renderer, name: str) -> None:
    for seed in range(3):
        model = Model(np.random.default_rng(seed))
        BODIES[name][1](model, model.rng)
        assert parts_seen(renderer, model.finished()) == {BODY}


@pytest.mark.parametrize("name", ARRAYS)
def test_every_wing_shows_panels(renderer: Renderer, name: str) -> None:
    model = Model(np.random.default_rng(5))
    frame = arrays.wing_frame(np.array([1.0, 0.0, 0.0], np.float32), 0.4)
    ARRAYS[name][1](model, arrays.wing_style(model.rng, 1.0), frame, ORIGIN)
    assert PANEL in parts_seen(renderer, model.finished())


@pytest.mark.parametrize("build", sorted(set(antennas.SMALL), key=name_of))
def test_every_small_antenna_is_an_antenna(renderer: Renderer, build: antennas.Antenna) -> None:
    model = Model(np.random.default_rng(6))
    build(model, model.rng, 0.5, ORIGIN, UP)
    assert parts_seen(renderer, model.finished()) == {ANTENNA}


@pytest.mark.parametrize("build", sorted(set(details.DETAILS), key=name_of))
def test_every_detail_is_body(renderer: Renderer, build: details.Detail) -> None:
    model = Model(np.random.default_rng(7))
    build(model, model.rng, 0.5, ORIGIN, UP)
    assert parts_seen(renderer, model.finished()) == {BODY}


def test_fittings_are_body_but_for_whips(renderer: Renderer) -> None:
    seen: dict[str, set[int]] = {}
    for seed in range(8):
        for _, fit in fittings.FITTINGS:
            model = Model(np.random.default_rng(seed))
            fit(model, model.rng, bus.Bus(np.full(3, 0.5, np.float32), round=False))
            craft = model.finished()
            seen.setdefault(craft.elements[-1], set()).update(parts_seen(renderer, craft))
    assert seen == {"radiators": {BODY}, "arm": {BODY}, "booms": {BODY}, "whips": {ANTENNA}}


def test_wings_without_cells_are_panels_all_the_same(renderer: Renderer) -> None:
    for seed in range(6):
        model = Model(np.random.default_rng(seed))
        style = arrays.wing_style(model.rng, 1.0)
        style = replace(style, front=fittings.odd_front(model.rng, style.width, style.length))
        arrays.add_wing(model, style, arrays.wing_frame(np.array([1.0, 0.0, 0.0], np.float32), 0.4), ORIGIN)
        assert PANEL in parts_seen(renderer, model.finished())


@pytest.mark.parametrize("build", [build for _, build in adrift.ADRIFT], ids=name_of)
def test_what_drifts_is_seen_and_is_background(renderer: Renderer, build: Callable[[int], Craft]) -> None:
    for seed in range(4):
        craft = build(seed)
        assert set(np.unique(craft.vertices[:, 9]).tolist()) == {BACKGROUND}
        t = (0.5, 0.5)
        light = Light(UP.astype(float), np.ones(3), np.full(3, 0.2), np.zeros(3), UP.astype(float))
        placed = Placed(craft, np.eye(3), np.array([0.0, 0.0, -craft.radius / 0.45]), 0, 0)
        drawn = renderer.render(Scene(64, 64, t, t, (placed,), (), light, Sky(), np.zeros((0, 4)), "stars"))
        assert drawn.covered.any() and not drawn.parts.any() and not drawn.instances.any()


def test_fitted_craft_are_the_same_craft_with_more_on_them() -> None:
    more = 0
    for seed in range(0, 60, 3):
        plain, fitted = design(seed), design(seed, fitted=True)
        assert fitted.elements[: len(plain.elements)] == plain.elements or "wings:odd" in fitted.elements
        more += len(fitted.elements) > len(plain.elements)
    assert 8 < more < 20
    assert np.array_equal(design(9).vertices, design(9, fitted=False).vertices)


def test_a_dish_is_an_antenna_on_a_body_arm(renderer: Renderer) -> None:
    model = Model(np.random.default_rng(8))
    reflectors.add_dish(model, model.rng, 0.5, ORIGIN, UP, 0.6)
    assert parts_seen(renderer, model.finished()) == {ANTENNA, BODY}


def test_deployed_reflectors_are_antennas_on_body_arms(renderer: Renderer) -> None:
    model = Model(np.random.default_rng(9))
    reflectors.add_deployed_reflectors(model, model.rng, np.full(3, 0.5, np.float32), 0.8)
    assert parts_seen(renderer, model.finished()) == {ANTENNA, BODY}


def test_most_craft_carry_antennas_and_wings() -> None:
    elements = [set(design(3 * seed).elements) for seed in range(200)]
    assert sum(bool(e & {"dish", "reflectors", "array"}) for e in elements) > 110
    assert sum("wings:none" not in e for e in elements) > 140


@pytest.mark.parametrize("kind", KINDS)
def test_every_background_is_drawn(renderer: Renderer, kind: str) -> None:
    for index in range(2):
        rendered = renderer.render(draw_scene(sample_rng(9, "val", index), kind, "val", 64, 48))
        assert rendered.radiance.shape == (48, 64, 3)
        assert np.isfinite(rendered.radiance).all()


def test_a_seed_names_one_craft() -> None:
    first, again, other = design(12), design(12), design(15)
    assert np.array_equal(first.vertices, again.vertices) and np.array_equal(first.materials, again.materials)
    assert first.vertices.shape != other.vertices.shape or not np.array_equal(first.vertices, other.vertices)


def test_normals_are_unit_and_craft_are_centred() -> None:
    for seed in range(10):
        craft = design(seed)
        lengths = np.linalg.norm(craft.vertices[:, 3:6], axis=1)
        assert np.allclose(lengths, 1.0, atol=1e-2)
        spans = craft.vertices[:, :3].max(0) + craft.vertices[:, :3].min(0)
        assert np.allclose(spans, 0.0, atol=1e-3)
        assert craft.vertices[:, 8].max() < len(craft.materials)


def test_runs_divide_the_vertices_by_pattern() -> None:
    craft = design(12)
    pattern = craft.materials[craft.vertices[:, 8].astype(int), 0, 3]
    end = 0
    for number, first, count in craft.runs:
        assert first == end and (pattern[first : first + count] == number).all()
        end = first + count
    assert end == len(craft.vertices)


def test_designs_of_train_val_and_test_never_meet() -> None:
    drawn = {
        split: {design_seed(sample_rng(seed, split, index), split) for seed in range(3) for index in range(300)}
        for split in SPLITS
    }
    for remainder, split in enumerate(SPLITS):
        assert {seed % len(SPLITS) for seed in drawn[split]} == {remainder}
    assert not drawn["train"] & drawn["val"] and not drawn["train"] & drawn["test"] and not drawn["val"] & drawn["test"]
