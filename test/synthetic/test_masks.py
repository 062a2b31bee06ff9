"""Label maps are exact: what geometry says is what the pixels say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from afss_ros.labels import ANTENNA, BACKGROUND, BODY, PANEL
from afss_ros.synthetic.craft.model import Craft, Model
from afss_ros.synthetic.craft.rock import rock
from afss_ros.synthetic.draw import draw_scene, sample_rng
from afss_ros.synthetic.materials import PLAIN, Material
from afss_ros.synthetic.meshes import box, rotation_about
from afss_ros.synthetic.opengl.renderer import Renderer, screen_bounds
from afss_ros.synthetic.produce import find_instances
from afss_ros.synthetic.render import render_sample
from afss_ros.synthetic.scene import Light, Placed, Scene, Sky

SIZE = 100


def cube(part: int = BODY, side: float = 1.0) -> Craft:
    model = Model(np.random.default_rng(0))
    model.add(box((side, side, side)), Material(PLAIN, (0.5, 0.5, 0.5)), part)
    return model.finished()


def scene(*placed: Placed, tangent: float = 0.5) -> Scene:
    light = Light(np.array([0.0, 0.0, 1.0]), np.ones(3), np.zeros(3), np.zeros(3), np.array([0.0, 1.0, 0.0]))
    t = (tangent, tangent)
    return Scene(SIZE, SIZE, t, t, placed, (), light, Sky(), np.zeros((0, 4)), "stars")


def at(craft: Craft, x: float, y: float, z: float, instance: int = 1) -> Placed:
    return Placed(craft, np.eye(3), np.array([x, y, z]), instance, 0)


def test_a_cube_covers_exactly_the_pixels_whose_centres_its_near_face_projects_to(renderer: Renderer) -> None:
    """The near face of a unit cube at 4.5 m spans 1/4 of x/z = -0.5..0.5: pixels 38.89 to 61.11 of 100."""
    rendered = renderer.render(scene(at(cube(), 0, 0, -5.0)))
    rows, columns = np.nonzero(rendered.parts)
    low, high = 50 - 50 * (0.5 / 4.5) / 0.5, 50 + 50 * (0.5 / 4.5) / 0.5
    inside = [c for c in range(SIZE) if low < c + 0.5 < high]
    assert sorted(set(rows.tolist())) == inside
    assert sorted(set(columns.tolist())) == inside
    assert len(rows) == len(inside) ** 2


def test_up_in_the_scene_is_up_in_the_picture_and_right_is_right(renderer: Renderer) -> None:
    rendered = renderer.render(scene(at(cube(side=0.4), 1.0, 1.5, -5.0)))
    rows, columns = np.nonzero(rendered.parts)
    assert rows.max() < SIZE / 2 < columns.min()


def test_the_nearer_craft_hides_the_farther_one(renderer: Renderer) -> None:
    rendered = renderer.render(scene(at(cube(PANEL, 2.0), 0, 0, -8.0, 1), at(cube(ANTENNA, 0.5), 0, 0, -4.0, 2)))
    assert rendered.parts[50, 50] == ANTENNA and rendered.instances[50, 50] == 2
    assert rendered.parts[50, 40] == PANEL and rendered.instances[50, 40] == 1


def test_a_rock_is_background_and_hides_what_it_covers(renderer: Renderer) -> None:
    stone = rock(3)
    alone = renderer.render(scene(at(cube(), 0, 0, -5.0)))
    hidden = renderer.render(scene(at(cube(), 0, 0, -5.0), at(stone, 0, 0, -1.5 * stone.radius, 0)))
    assert (alone.parts == BODY).any()
    assert (hidden.parts == BACKGROUND).all() and not hidden.instances.any()
    assert hidden.radiance.max() > 0.01


def test_labels_have_no_mixed_edges(renderer: Renderer) -> None:
    turned = Placed(cube(ANTENNA), rotation_about((1, 2, 3), 0.7).astype(np.float64), np.array([0.0, 0.0, -4.0]), 7, 0)
    rendered = renderer.render(scene(turned))
    assert set(np.unique(rendered.parts)) == {BACKGROUND, ANTENNA}
    assert set(np.unique(rendered.instances)) == {0, 7}


@pytest.mark.parametrize("index", range(8))
def test_samples_hold_only_known_labels_and_tight_boxes(renderer: Renderer, index: int) -> None:
    sample = render_sample(renderer, 4, "train", index, 96)
    assert set(np.unique(sample.labels)) <= {BACKGROUND, BODY, PANEL, ANTENNA}
    assert np.array_equal(sample.labels > 0, sample.instances > 0)
    for found in find_instances(sample.instances):
        x0, y0, x1, y1 = (int(v) for v in found.box_xyxy)
        inside = sample.instances[y0:y1, x0:x1]
        assert any(
            all(edge.any() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
            and mask.sum() == (sample.instances == i).sum()
            for i in set(np.unique(inside)) - {0}
            for mask in [inside == i]
        )


@pytest.mark.parametrize("place", [(2, 2, -5), (-2, -2, -5), (0, 0, -5), (0, 0, -1.7)])
def test_a_frame_shows_nothing_of_the_frame_before_it(renderer: Renderer, place: tuple[float, float, float]) -> None:
    """A renderer clears only where it last drew: a picture must not depend on what came before."""
    empty, small = scene(), scene(at(cube(), 1.0, 0.5, -5.0))
    renderer.render(empty)
    expected = renderer.render(small)
    for after in (empty, small):
        assert renderer.render(scene(at(cube(PANEL, 3.0), *place, 2))).instances.any()
        found = renderer.render(after)
        assert np.array_equal(found.radiance, expected.radiance if after is small else np.zeros((SIZE, SIZE, 3)))
        assert np.array_equal(found.instances, expected.instances if after is small else np.zeros((SIZE, SIZE)))


@pytest.mark.parametrize("index", range(40))
def test_craft_stay_within_their_bounds_on_the_screen(renderer: Renderer, index: int) -> None:
    drawn = draw_scene(sample_rng(9, "train", index), "deep", "train", 96, 64)
    rows, columns = np.nonzero(renderer.render(drawn).covered)
    x, y, width, height = screen_bounds(drawn.craft, drawn)
    assert 0 <= x <= x + width <= 96 and 0 <= y <= y + height <= 64
    assert ((columns >= x) & (columns < x + width)).all()
    assert ((rows >= 64 - y - height) & (rows < 64 - y)).all()


def test_the_bounds_of_small_craft_are_small() -> None:
    x, y, width, height = screen_bounds([at(cube(side=0.2), 1.0, 1.5, -5.0)], scene())
    assert x > SIZE / 2 and y > SIZE / 2 and width < SIZE / 8 and height < SIZE / 8
    assert screen_bounds([], scene())[2:] == (0, 0)


def test_a_craft_casts_its_shadow_on_another(renderer: Renderer) -> None:
    """The Sun is to the right; a cube there, far outside the frame, darkens the right face of the one in view."""
    light = Light(np.array([1.0, 0.0, 0.0]), np.ones(3), np.zeros(3), np.zeros(3), np.array([0.0, 1.0, 0.0]))
    turned = Placed(cube(), rotation_about((0, 1, 0), 0.7).astype(np.float64), np.array([0.0, 0.0, -4.0]), 1, 0)
    free = renderer.render(replace(scene(turned), light=light))
    shaded = renderer.render(replace(scene(turned, at(cube(side=3.0), 30.0, 0.0, -4.0, 2)), light=light))
    assert free.radiance.max() > 0.1
    assert np.array_equal(free.parts, shaded.parts)
    assert shaded.radiance.max() < 0.01


def test_rocks_come_beside_craft_and_alone(renderer: Renderer) -> None:
    frames = [draw_scene(sample_rng(2, "train", i), "deep", "train", 64, 64) for i in range(120)]
    beside = [f for f in frames if {p.instance > 0 for p in f.craft} == {True, False}]
    alone = [f for f in frames if {p.instance > 0 for p in f.craft} == {False}]
    assert beside and alone
    rendered = renderer.render(alone[0])
    assert rendered.covered.any() and not rendered.parts.any() and not rendered.instances.any()
