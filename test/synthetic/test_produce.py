"""Sets are reproducible, whatever interrupts them and however many processes make them."""

from __future__ import annotations

import logging
import multiprocessing as mp
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from resident import resident_bytes

from afss_ros import cli, datasets
from afss_ros.synthetic.attributes import describe
from afss_ros.synthetic.craft.grammar import design
from afss_ros.synthetic.draw import draw_scene, sample_rng
from afss_ros.synthetic.errors import SyntheticError
from afss_ros.synthetic.opengl import context
from afss_ros.synthetic.opengl.renderer import Renderer
from afss_ros.synthetic.produce import Order, find_instances, produce
from afss_ros.synthetic.render import render_sample
from afss_ros.synthetic.scene import Light, Placed, Scene, Sky


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_a_sample_depends_on_its_name_alone(renderer: Renderer) -> None:
    first = render_sample(renderer, 1, "train", 5, 80)
    render_sample(renderer, 1, "train", 6, 64)
    again = render_sample(renderer, 1, "train", 5, 80)
    assert np.array_equal(first.image, again.image) and np.array_equal(first.labels, again.labels)
    assert first.attributes == again.attributes
    other = render_sample(renderer, 1, "val", 5, 80)
    assert not np.array_equal(first.image, other.image)


def test_renderers_of_one_process_do_not_draw_into_each_other() -> None:
    with Renderer() as first:
        # Buffers of other sizes, so that the same numbers mean other buffers in the other context.
        for size in (64, 96):
            render_sample(first, 1, "train", 6, size)
        expected = render_sample(first, 1, "train", 5, 80)
        with Renderer() as second:
            assert np.array_equal(render_sample(second, 1, "train", 5, 80).image, expected.image)
            assert np.array_equal(render_sample(first, 1, "train", 5, 80).image, expected.image)
        again = render_sample(first, 1, "train", 5, 80)
    assert np.array_equal(again.image, expected.image) and np.array_equal(again.labels, expected.labels)


def test_an_interrupted_set_made_by_one_process_equals_one_made_by_two(tmp_path: Path) -> None:
    produce(Order(tmp_path / "a", 2, size=64, seed=3, split="val"), processes=1)
    told: list[int] = []
    assert produce(Order(tmp_path / "a", 5, size=64, seed=3, split="val"), processes=1, progress=told.append) == 5
    assert produce(Order(tmp_path / "b", 5, size=64, seed=3, split="val"), processes=2) == 5
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert told[-1] == 5

    loaded = datasets.load(tmp_path / "b")
    assert [s.key for s in loaded.samples] == [f"val-3-{i:06d}" for i in range(5)]
    for sample in loaded.samples:
        labels = sample.read_labels()
        assert sample.instances is not None and labels is not None
        assert sample.read_image().shape == (64, 64, 3)
        assert len(sample.instances) <= len(sample.attributes["designs"])


def test_a_crash_of_a_process_costs_no_frame(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A driver may crash once in some thousand frames: a night's rendering must not end there."""
    others = set(mp.active_children())
    crashed: list[int | None] = []

    def crash_one(finished: int) -> None:
        if len(crashed) == 2 or finished < (6, 20)[len(crashed)]:
            return
        victim = next((child for child in mp.active_children() if child not in others), None)
        if victim is not None and victim.pid is not None:
            os.kill(victim.pid, signal.SIGSEGV)
            victim.join()
            if victim.exitcode == -signal.SIGSEGV:  # else it had come to its end before
                crashed.append(victim.pid)

    with caplog.at_level(logging.WARNING):
        assert produce(Order(tmp_path / "a", 60, size=64, seed=3), processes=2, progress=crash_one) == 60
    assert len(crashed) == 2 and caplog.text.count("died (exit code -11)") == 2
    produce(Order(tmp_path / "b", 60, size=64, seed=3), processes=1)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_what_crashes_at_once_is_not_begun_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path / "none"))
    with pytest.raises(SyntheticError, match=r"no worker can begin: .*died \(exit code 1\).*, as did \d+ before it"):
        produce(Order(tmp_path / "a", 4, size=64, seed=3), processes=2)


def test_drawing_many_frames_needs_no_more_memory_than_drawing_a_few(renderer: Renderer) -> None:
    """A megabyte a frame once stayed behind: two processes of 4,000 frames held eight gigabytes."""
    frame = draw_scene(sample_rng(1, "train", 3), "deep", "train", 64, 64)
    size = sum(p.craft.vertices.nbytes for p in frame.craft)
    assert size > 200_000
    for _ in range(30):
        renderer.render(frame)
    before = resident_bytes()
    for _ in range(150):
        renderer.render(frame)
    assert resident_bytes() - before < 150 * size / 4


def test_samples_of_another_seed_are_not_mixed_into_a_set(tmp_path: Path) -> None:
    produce(Order(tmp_path / "a", 1, size=64, seed=3), processes=1)
    with pytest.raises(SyntheticError, match="provenance"):
        produce(Order(tmp_path / "a", 1, size=64, seed=4), processes=1)


def test_attributes_say_how_large_a_craft_is_and_where_its_light_comes_from() -> None:
    craft = design(12)
    lit_from_behind_the_camera = Light(np.array([0.0, 0.0, 1.0]), *np.zeros((4, 3)))
    placed = Placed(craft, np.eye(3), np.array([0.0, 0.0, -9.0]), 1, 12)
    tangent = (0.5, 0.5)
    scene = Scene(40, 40, tangent, tangent, (placed,), (), lit_from_behind_the_camera, Sky(), np.zeros((0, 4)), "deep")
    ids = np.zeros((40, 40), np.uint8)
    ids[10:12, 5:25] = 1
    said = describe(scene, np.full((40, 40, 3), 30, np.uint8), ids)
    assert said["extent_px"] == [20] and said["craft_size"] == "small"
    assert said["sun_angle_deg"] == [0.0] and said["lighting"] == "front"
    assert said["brightness"] == [30.0] and said["background"] == "deep" and said["designs"] == [12]
    assert describe(scene, np.zeros((40, 40, 3), np.uint8), np.zeros_like(ids))["craft_size"] == "none"


def test_instances_are_the_extents_of_their_masks() -> None:
    ids = np.zeros((6, 8), np.uint8)
    ids[1:4, 2:5] = 2
    ids[5, 6:8] = 1  # too few pixels to be an instance
    (found,) = find_instances(ids)
    assert found.class_name == "spacecraft"
    assert found.box_xyxy.tolist() == [2.0, 1.0, 5.0, 4.0]
    assert found.rle is not None and np.array_equal(datasets.rle.decode(found.rle), ids == 2)


@pytest.mark.parametrize(("field", "value"), [("split", "holdout"), ("size", 8), ("count", 0)])
def test_an_impossible_order_is_refused_by_name(tmp_path: Path, field: str, value: object) -> None:
    values: dict[str, object] = {"count": 1, field: value}
    with pytest.raises(SyntheticError, match=str(value)):
        Order(tmp_path, **values)  # type: ignore[arg-type]


def test_without_egl_the_error_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("libEGL.so not loaded")

    monkeypatch.setattr("moderngl.create_context", broken)
    with pytest.raises(SyntheticError, match=r"libEGL\.so not loaded.*apt-get install libegl1"):
        context.open_context()


def test_the_command_makes_a_set_and_refuses_an_unknown_motion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = ["render", str(tmp_path / "set"), "--count", "2", "--size", "48", "--processes", "1"]
    assert cli.main(plain) == 0
    assert len(datasets.load(tmp_path / "set").samples) == 2
    assert cli.main(["render", str(tmp_path / "x.mcap"), "--trajectory", "loop", "--count", "2"]) == 1
    assert "flyaround" in capsys.readouterr().err
    assert not (tmp_path / "x.mcap").exists()
