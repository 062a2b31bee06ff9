"""A rendered recording says where everything is, and the pictures agree with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros.bags import BagReader, spatial
from afss_ros.evaluation.tracking import truth as reading
from afss_ros.synthetic import truth
from afss_ros.synthetic.craft import pieces
from afss_ros.synthetic.craft.grammar import design
from afss_ros.synthetic.disturbances import Disturbances, draw_disturbances
from afss_ros.synthetic.encounter import draw_encounter
from afss_ros.synthetic.errors import SyntheticError
from afss_ros.synthetic.opengl.renderer import Renderer
from afss_ros.synthetic.recording import COMPRESSED_TOPIC, Recording, record
from afss_ros.synthetic.trajectory import draw_trajectory

FRAMES, WIDTH, HEIGHT = 9, 128, 96
LOST = 3


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flight") / "crossing.mcap"
    befalls = Disturbances(lost=frozenset({LOST}), glare={5: (30.0, 30.0)}, exposure={6: 0.3})
    record(path, draw_encounter("crossing", FRAMES, WIDTH, HEIGHT, seed=3), Recording(disturbances=befalls))
    return path


def messages(path: Path, topic: str) -> list[Any]:
    with BagReader(path) as bag:
        return [bag.deserialize(entry) for entry in bag.messages([topic])]


def picture(message: Any) -> Any:
    return np.asarray(message.data).reshape(message.height, message.width)


def test_the_places_of_craft_are_where_their_pixels_are(flight: Path) -> None:
    true = reading.read(flight)
    assert len(true.frames) == FRAMES - 1
    for frame in true.frames.values():
        assert frame.camera is not None
        for number, box in frame.boxes.items():
            x, y, z = frame.places[number]
            k = frame.camera.k
            pixel = np.array([k[0, 0] * x / z + k[0, 2], k[1, 1] * y / z + k[1, 2]]) + 0.5
            assert np.all(pixel > box[:2] - 4) and np.all(pixel < box[2:] + 4)
            across = k[0, 0] * true.lengths[number] / np.linalg.norm(frame.places[number])
            assert max(box[2:] - box[:2]) < 1.1 * across + 2


def test_the_world_frame_holds_camera_and_craft(flight: Path) -> None:
    for transforms, craft in zip(messages(flight, truth.TF_TOPIC), messages(flight, truth.CRAFT_TOPIC), strict=True):
        placed = {t.child_frame_id: t.transform for t in transforms.transforms}
        camera = placed[truth.FRAME_ID]
        turned = spatial.rotation(camera.rotation.x, camera.rotation.y, camera.rotation.z, camera.rotation.w)
        for found in craft.detections:
            there = reading.vector(placed[f"craft_{found.id}"].translation) - reading.vector(camera.translation)
            assert np.allclose(turned.T @ there, reading.vector(found.bbox.center.position))


def test_parts_have_numbers_that_stay_and_add_up_to_the_craft(flight: Path) -> None:
    facts = {p.key: p.value for p in messages(flight, truth.CRAFT_INFO_TOPIC)[0].status[0].values}
    for parts, instances, mask, found in zip(
        *(messages(flight, t) for t in (
            truth.PARTS_TOPIC, truth.INSTANCES_TOPIC, truth.MASK_TOPIC, truth.PART_DETECTIONS_TOPIC)),
        strict=True,
    ):  # fmt: skip
        assert np.array_equal(picture(mask) > 0, picture(instances) > 0)
        for detection in found.detections:
            craft, name = detection.id.split("/")
            number = facts[f"{craft}.parts"].split().index(name) + 1
            own = (picture(instances) == int(craft)) & (picture(parts) == number)
            assert set(np.unique(picture(mask)[own])) == {int(detection.results[0].hypothesis.class_id)}
            rows, columns = np.nonzero(own)
            assert detection.bbox.size_x == columns.max() + 1 - columns.min()
            assert detection.bbox.size_y == rows.max() + 1 - rows.min()


def test_a_lost_frame_has_places_and_no_picture(flight: Path) -> None:
    assert len(messages(flight, COMPRESSED_TOPIC)) == FRAMES - 1
    assert len(messages(flight, truth.CRAFT_TOPIC)) == len(messages(flight, truth.SUN_TOPIC)) == FRAMES


def test_numbers_of_parts_change_nothing_in_the_picture(renderer: Renderer) -> None:
    scene = draw_trajectory("flyaround", 2, 96, 72, seed=4).scene(1)
    (placed,) = scene.craft
    found = pieces.find(placed.craft)
    plain = renderer.render(scene)
    object.__setattr__(placed, "craft", pieces.numbered(placed.craft, found))
    numbered = renderer.render(scene)
    assert np.array_equal(plain.radiance, numbered.radiance)
    assert np.array_equal(found.labels[numbered.parts], plain.parts)


def test_two_wings_are_two_panels_and_the_body_is_one() -> None:
    names = [pieces.find(design(seed)).names() for seed in range(2, 20, 3)]
    assert all(n.count("body") == 1 for n in names)
    assert ["panel.1", "panel.2"] in [[p for p in n if p.startswith("panel")] for n in names]
    craft = design(2)
    assert 0.5 * craft.radius < pieces.find(craft).length <= 2 * craft.radius + 1e-6


def test_craft_that_cross_change_sides_and_one_that_returns_was_away() -> None:
    crossing = draw_encounter("crossing", 11, WIDTH, HEIGHT, seed=5)
    first, last = crossing.scene(0).craft, crossing.scene(10).craft
    assert (first[0].translation[0] < first[1].translation[0]) != (last[0].translation[0] < last[1].translation[0])
    assert first[0].translation[2] > first[1].translation[2]  # the first is nearer
    away = draw_encounter("return", 11, WIDTH, HEIGHT, seed=5)
    edges = [abs(s.craft[1].translation[0] / s.craft[1].translation[2]) / s.tangent[0] for s in away]
    assert max(edges[4:7]) > 1.3 > 1.0 > max(edges[0], edges[10])


def test_the_same_seed_befalls_the_same(tmp_path: Path) -> None:
    assert draw_disturbances(60, 64, 48, 1) == draw_disturbances(60, 64, 48, 1) != draw_disturbances(60, 64, 48, 2)
    with pytest.raises(SyntheticError, match="barrelroll"):
        draw_encounter("barrelroll", 4, 96, 72, seed=3)


def test_a_bag_that_was_not_rendered_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    from recorded import record as plain

    with pytest.raises(reading.TruthError, match="has no /truth/detections"):
        reading.read(plain(tmp_path / "plain.mcap", range(2)))
