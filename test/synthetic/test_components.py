"""The rendered world tells which panel is which, how far and whether lit; pictures stay the same to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from afss_ros import datasets
from afss_ros.cli import main
from afss_ros.labels import ANTENNA, BACKGROUND, BODY, PANEL
from afss_ros.refer import ReferError
from afss_ros.refer.sets import check
from afss_ros.refer.sets.build import build
from afss_ros.refer.sets.from_sets import scene_of
from afss_ros.refer.sets.rendered import NAMED, from_components
from afss_ros.synthetic.components import component_map, describe_components
from afss_ros.synthetic.craft.grammar import design
from afss_ros.synthetic.craft.model import MOST_COMPONENTS, Craft, Model
from afss_ros.synthetic.draw import draw_scene, sample_rng
from afss_ros.synthetic.materials import PLAIN, Material
from afss_ros.synthetic.meshes import box
from afss_ros.synthetic.opengl.renderer import Renderer
from afss_ros.synthetic.produce import Order, produce
from afss_ros.synthetic.render import render_sample
from afss_ros.synthetic.scene import Light, Placed, Planet, Scene, Sky

SIZE = 96
GREY = Material(PLAIN, (0.5, 0.5, 0.5))
FROM_BEHIND_THE_CAMERA, FROM_BEYOND = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0])


def panels_and_a_boom() -> Craft:
    """Two panels left and right; a boom stands across the left one, nearer to the camera, and cuts it in two."""
    model = Model(np.random.default_rng(0))
    with model.component("bus"):
        model.add(box((0.4, 0.4, 0.4)), GREY, BODY)
    for side in (-1, 1):
        with model.component("wing"):
            model.add(box((0.2, 0.05, 0.05)), GREY, BODY, translation=(side * 0.3, 0, 0))
            model.add(box((0.6, 0.5, 0.05)), GREY, PANEL, translation=(side * 0.7, 0, 0))
    with model.component("boom"):
        model.add(box((0.06, 2.0, 0.06)), GREY, BODY, translation=(-0.7, 0, 0.5))
    return model.finished()


def scene(*placed: Placed, sun: np.ndarray = FROM_BEHIND_THE_CAMERA, planets: tuple[Planet, ...] = ()) -> Scene:
    light = Light(sun, np.ones(3), np.full(3, 0.1), np.zeros(3), np.array([0.0, 1.0, 0.0]))
    t = (0.5, 0.5)
    return Scene(SIZE, SIZE, t, t, placed, planets, light, Sky(), np.zeros((0, 4)), "stars")


def placed(craft: Craft, z: float = -4.0, instance: int = 1, x: float = 0.0) -> Placed:
    return Placed(craft, np.eye(3), np.array([x, 0.0, z]), instance, 0)


def test_a_panel_that_a_boom_lies_across_is_one_component(renderer: Renderer) -> None:
    rendered = renderer.render(scene(placed(panels_and_a_boom())))
    left, right, boom = (rendered.components == number for number in (2, 3, 4))
    row = left[SIZE // 2]
    assert np.count_nonzero(np.diff(row.astype(int)) == 1) == 2, "in two pieces, left and right of the boom"
    assert not (left & (np.arange(SIZE) > SIZE / 2)).any() and not (right & (np.arange(SIZE) < SIZE / 2)).any()
    assert set(rendered.parts[left].tolist()) == {PANEL, BODY}, "the yoke is the wing's"
    assert set(rendered.parts[boom].tolist()) == {BODY}
    assert not rendered.components[~rendered.covered].any() and not rendered.sunlit[~rendered.covered].any()


def test_the_sun_reaches_what_faces_it_and_no_shadow_hides(renderer: Renderer) -> None:
    craft = panels_and_a_boom()
    front = renderer.render(scene(placed(craft)))
    assert front.sunlit[front.components == 3].min() == 255
    dark = renderer.render(scene(placed(craft), sun=FROM_BEYOND))
    assert not dark.sunlit.any()
    low = renderer.render(scene(placed(craft), sun=np.array([-0.3, 0.0, 1.0]) / np.sqrt(1.09)))
    shade = low.sunlit[(low.components == 2) & (low.parts == PANEL)]
    assert 0.05 < (shade < 50).mean() < 0.5, "the boom's shadow lies on the left panel"


def test_what_is_true_of_components_is_told(renderer: Renderer) -> None:
    seen = scene(placed(panels_and_a_boom()), placed(panels_and_a_boom(), z=-9.0, instance=2, x=2.5))
    rendered = renderer.render(seen)
    ids = component_map(seen, rendered)
    facts = {fact["id"]: fact for fact in describe_components(seen, rendered, ids)}
    assert [facts[i]["name"] for i in (256, 257, 258, 259, 260)] == ["spacecraft", "bus", "wing", "wing", "boom"]
    assert set(np.unique(ids).tolist()) <= {0, *facts}
    assert facts[256]["range_m"] == pytest.approx(4.0, abs=0.01) and facts[512]["craft"] == 2
    assert facts[512]["range_m"] == pytest.approx(np.hypot(9, 2.5), rel=1e-3)
    middle = np.array([0.6, 0.0, -4.0]) - np.array([0, 0, (0.53 - 0.2) / 2])  # craft are centred on their boxes
    assert facts[259]["range_m"] == pytest.approx(float(np.linalg.norm(middle)), abs=0.01)
    assert facts[259]["sunlit"] == 1.0 and 0.4 < facts[258]["sunlit"] <= 1.0


def test_the_limb_is_the_planets_rim_against_the_sky_and_craft_hide_it(renderer: Renderer) -> None:
    earth = Planet(1, np.array([0.0, -1.2, -2.4]), np.eye(3))
    moon = Planet(2, np.array([60.0, 60.0, -300.0]), np.eye(3))
    bare = scene(planets=(earth, moon))
    rendered = renderer.render(bare)
    ids = component_map(bare, rendered)
    names = {fact["id"]: fact["name"] for fact in describe_components(bare, rendered, ids)}
    assert names == {1: "earth", 2: "limb"}, "a moon of a pixel is none"
    rows, columns = np.nonzero(ids == 2)
    assert np.count_nonzero(ids[-1] == 2) <= 8 < np.count_nonzero(ids[-1] == 1), "not where the picture ends"
    rays = np.stack([(columns + 0.5) / 48 - 1, 1 - (rows + 0.5) / 48, np.full(len(rows), -2.0)], 1)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    miss = np.linalg.norm(earth.center - (rays @ earth.center)[:, None] * rays, axis=1)
    assert miss.max() < 1.0 and miss.min() > 0.8
    before = scene(placed(panels_and_a_boom()), planets=(earth,))
    drawn = renderer.render(before)
    assert not (component_map(before, drawn)[drawn.covered] < 256).any()


def test_pictures_are_the_same_to_the_bit_whatever_the_components(renderer: Renderer) -> None:
    for index, kind in enumerate(("limb", "studio", "sensor")):
        drawn = draw_scene(sample_rng(5, "val", 7 * index + 1), kind, "val", 64, 48)
        bare = []
        for one in drawn.craft:
            vertices = one.craft.vertices.copy()
            vertices[:, 10] = 0
            bare.append(replace(one, craft=replace(one.craft, vertices=vertices)))
        told, silent = renderer.render(drawn), renderer.render(replace(drawn, craft=tuple(bare)))
        assert told.radiance.tobytes() == silent.radiance.tobytes()
        assert told.parts.tobytes() == silent.parts.tobytes()
        assert told.instances.tobytes() == silent.instances.tobytes()
        assert not silent.components.any()


def test_every_panel_is_of_a_wing_and_every_antenna_is_named() -> None:
    for seed in range(0, 90, 3):
        craft = design(seed, fitted=seed % 2 == 0)
        labels, numbers = craft.vertices[:, 9], craft.vertices[:, 10].astype(int)
        assert (
            len(craft.components) <= MOST_COMPONENTS and numbers.min() >= 1 and numbers.max() <= len(craft.components)
        )
        names = np.array(["", *craft.components])[numbers]
        assert set(names[labels == PANEL].tolist()) <= {"wing"}
        assert all(NAMED[name][1] == ANTENNA for name in set(names[labels == ANTENNA].tolist()))
        assert craft.components[0] == "bus" and not (labels == BACKGROUND).any()


def test_the_last_number_is_shared_when_there_are_too_many() -> None:
    model = Model(np.random.default_rng(0))
    for _ in range(MOST_COMPONENTS + 5):
        with model.component("plate"):
            model.add(box((1, 1, 1)), GREY, BODY)
    assert model.finished().vertices[:, 10].max() == MOST_COMPONENTS


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("frames") / "set"
    produce(Order(root, 12, size=96, seed=5, split="test"), processes=1)
    return root


def test_a_set_keeps_what_was_rendered(frames: Path, renderer: Renderer) -> None:
    dataset = datasets.load(frames)
    assert not dataset.problems
    for index in (0, 5):
        sample, rendered = dataset[index], render_sample(renderer, 5, "test", index, 96)
        assert np.array_equal(sample.read_components(), rendered.components)
        assert sample.attributes["components"] == rendered.attributes["components"]


def test_another_form_of_our_own_keeps_components(frames: Path, tmp_path: Path) -> None:
    assert main(["data", "convert", str(frames), "--out", str(tmp_path / "copy")]) == 0
    again, before = datasets.load(tmp_path / "copy"), datasets.load(frames)
    assert np.array_equal(again[3].read_components(), before[3].read_components())


def test_things_are_wings_and_dishes_with_true_facts(frames: Path) -> None:
    dataset = datasets.load(frames)
    nouns = set()
    for sample in dataset:
        found = scene_of(sample, dataset)
        ids, labels = sample.read_components(), sample.read_labels()
        nouns |= {thing.noun for thing in found.things}
        panels = [thing for thing in found.things if thing.noun == "panel"]
        together = np.zeros(ids.shape, bool)
        for thing in panels:
            own = found.mask(thing)
            assert len(np.unique(ids[own])) == 1 and (labels[own] == PANEL).all()
            assert thing.distance is not None and thing.lit is not None and thing.parent is not None
            found.paint(together, thing)
        assert np.array_equal(together, labels == PANEL)
        if found.window is not None:
            x0, y0, x1, y1 = found.window
            assert any(thing.cut for thing in found.things) == any(
                thing.box_xyxy[0] <= x0 or thing.box_xyxy[1] <= y0 or thing.box_xyxy[2] >= x1 or thing.box_xyxy[3] >= y1
                for thing in found.things
            )
    assert {"spacecraft", "body", "panel", "dish"} <= nouns


def test_what_is_said_of_rendered_frames_is_certain(frames: Path, tmp_path: Path) -> None:
    built = build(str(frames), tmp_path / "said")
    assert built.scenes == 12 and built.kinds.total() > 150 and not built.problems
    found = check.check(tmp_path / "said")
    assert found.counts[check.CERTAIN] == built.kinds.total(), [(j.text, j.why) for j in found.doubtful]


def test_ids_without_names_are_refused(frames: Path) -> None:
    sample = datasets.load(frames)[0]
    with pytest.raises(ReferError, match="without their names"):
        from_components(sample.read_components(), sample.read_labels(), {})
    with pytest.raises(ReferError, match="of one picture"):
        from_components(sample.read_components()[1:], sample.read_labels(), sample.attributes)
