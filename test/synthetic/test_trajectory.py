"""Trajectories keep the craft in view, move as their name says, and become bags with their truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros.bags import BagReader, typestore
from afss_ros.synthetic import recording, truth
from afss_ros.synthetic.errors import SyntheticError
from afss_ros.synthetic.opengl.renderer import Renderer
from afss_ros.synthetic.recording import Recording, record
from afss_ros.synthetic.trajectory import MOTIONS, draw_trajectory


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_craft_stays_in_view(renderer: Renderer, motion: str) -> None:
    trajectory = draw_trajectory(motion, 5, 96, 72, seed=7)
    for scene in trajectory:
        rendered = renderer.render(scene)
        rows, columns = np.nonzero(rendered.parts)
        assert len(rows) > 5
        assert abs(float(columns.mean()) - 48) < 30 and abs(float(rows.mean()) - 36) < 25


def test_an_approach_comes_closer_and_a_tumble_turns_the_craft_only() -> None:
    approach = draw_trajectory("approach", 6, 96, 72, seed=2)
    ranges = [float(np.linalg.norm(approach.scene(i).craft[0].translation)) for i in range(6)]
    assert ranges == sorted(ranges, reverse=True) and ranges[0] > 3 * ranges[-1]
    tumble = draw_trajectory("tumble", 6, 96, 72, seed=2)
    first, last = tumble.scene(0), tumble.scene(5)
    assert np.allclose(first.planets[0].center, last.planets[0].center)
    assert not np.allclose(first.craft[0].rotation, last.craft[0].rotation)


def test_lights_and_planets_keep_their_places_in_the_inertial_frame() -> None:
    """Between any two frames the angle from the sun to the Earth's centre is the same."""
    trajectory = draw_trajectory("flyaround", 4, 96, 72, seed=3)
    angles = [float(s.light.sun @ s.planets[0].center / np.linalg.norm(s.planets[0].center)) for s in trajectory]
    assert np.allclose(angles, angles[0], atol=1e-5)


def test_an_unknown_motion_is_refused_by_name() -> None:
    with pytest.raises(SyntheticError, match="barrelroll"):
        draw_trajectory("barrelroll", 4, 96, 72, seed=3)


def test_a_recording_holds_pictures_intrinsics_masks_and_boxes(tmp_path: Path) -> None:
    trajectory = draw_trajectory("flyaround", 3, 96, 72, seed=4)
    assert record(tmp_path / "run.mcap", trajectory, Recording(rate_hz=5.0)) == 3
    with BagReader(tmp_path / "run.mcap") as bag:
        counts = dict.fromkeys(bag.topics, 0)
        stamps, masks, boxes = [], [], []
        for entry in bag.messages(list(counts)):
            counts[entry.topic] += 1
            message: Any = typestore().deserialize_cdr(entry.cdr, entry.msgtype)
            if entry.topic == recording.COMPRESSED_TOPIC:
                stamps.append(entry.stamp_ns)
            if entry.topic == truth.MASK_TOPIC:
                masks.append(np.asarray(message.data).reshape(72, 96))
            if entry.topic == truth.DETECTIONS_TOPIC:
                boxes.append(message.detections[0].bbox)
            if entry.topic == recording.INFO_TOPIC:
                assert message.k[0] == pytest.approx(48 / np.tan(np.radians(20.0)))
    assert counts == {
        recording.COMPRESSED_TOPIC: 3, recording.INFO_TOPIC: 3, truth.MASK_TOPIC: 3, truth.DETECTIONS_TOPIC: 3,
        truth.LABEL_INFO_TOPIC: 1, truth.INSTANCES_TOPIC: 3, truth.PARTS_TOPIC: 3, truth.PART_DETECTIONS_TOPIC: 3,
        truth.CRAFT_TOPIC: 3, truth.SUN_TOPIC: 3, truth.TF_TOPIC: 3, truth.CRAFT_INFO_TOPIC: 1,
    }  # fmt: skip
    assert np.diff(stamps).tolist() == [200_000_000] * 2
    for mask, box in zip(masks, boxes, strict=True):
        rows, columns = np.nonzero(mask)
        assert box.size_x == columns.max() + 1 - columns.min()
        assert box.center.position.y == (rows.max() + 1 + rows.min()) / 2
