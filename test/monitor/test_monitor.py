"""The input monitor finds what is wrong with a picture, and nothing in one that is right."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from afss_ros.evaluation.monitor import corruptions
from afss_ros.monitor import REASONS, Monitor, load_limits
from afss_ros.monitor.limits import MEASURES, SHIPPED
from afss_ros.monitor.monitor import grade, measures
from afss_ros.monitor.small import SIDE, small

SEEDS = {"sun": 1, "overexposed": 1}
"""Of damage that is as strong as the draw has it: one that is meant to be seen."""
DRAWN = {
    "sharp": [0.305882353, 0.317647059, 0, 0, 1.11224446, 0, 0, 4.96351791],
    "torn": [0.298039216, 0.317647059, 0, 0, 1.11485357, 0.943674647, 0, 4.82682813],
    "filled": [0.305882353, 0.321568627, 0, 0, 1.12090736, 0, 0.328125, 4.08286778],
    "smooth": [0.321568627, 0.388235294, 0, 0, 5.01303258, 0, 0, 4.49411656],
    "sun": [0, 0, 0.0410766602, 0.658707392, 2.40091183, 0, 0, 4.59274865],
}
"""Of `drawn`: the values of `MEASURES`, as they were when the limits were set."""
SIZES = [(480, 640), (1024, 1024), (96, 128)]


def scene(height: int = 480, width: int = 640) -> NDArray[np.uint8]:
    """A craft before a textured planet's limb under stars, at any size."""
    rng = np.random.default_rng(5)
    picture = np.full((480, 640, 3), 6, np.uint8)
    for x, y in rng.integers(0, (640, 480), (60, 2)):
        cv2.circle(picture, (int(x), int(y)), 1, (200, 200, 210), -1)
    cv2.circle(picture, (320, 900), 560, (70, 110, 160), -1)
    for x, y in rng.integers((0, 380), (640, 480), (300, 2)):
        cv2.ellipse(picture, (int(x), int(y)), (18, 7), 20, 0, 360, rng.integers(90, 220, 3).tolist(), -1)
    cv2.rectangle(picture, (260, 150), (350, 290), (190, 180, 150), -1)
    for left in (120, 370):
        for column in range(6):
            at = left + 22 * column
            cv2.rectangle(picture, (at, 180), (at + 18, 260), (30 + 20 * column, 40, 120), -1)
    noisy = picture + rng.normal(0, 2, picture.shape)
    return np.asarray(cv2.resize(noisy.clip(0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_nothing_is_found_in_a_right_picture(height: int, width: int) -> None:
    verdict = Monitor(load_limits())(scene(height, width), 0)
    assert verdict.findings == ()
    assert (verdict.score, verdict.usable) == (0.0, True)


@pytest.mark.parametrize(
    ("damage", "reasons", "usable"),
    [
        ("capped", {"black"}, False),
        ("underexposed", {"black", "dark"}, False),
        ("overexposed", {"white"}, False),
        ("sun", {"sun"}, True),
        ("defocused", {"smeared"}, False),
        ("torn", {"torn"}, False),
        ("cut_off", {"filled"}, False),
        ("noisy", {"novel"}, True),
    ],
)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_what_is_wrong_is_found_by_its_name(
    damage: str, reasons: set[str], usable: bool, height: int, width: int
) -> None:
    spoiled = corruptions.ALL[damage](scene(height, width), np.random.default_rng(SEEDS.get(damage, 3)))
    verdict = Monitor(load_limits())(spoiled, 0)
    assert set(verdict.findings) >= reasons, verdict.reasons
    assert verdict.usable == usable
    assert 0 < verdict.score < 1
    assert verdict.reason == verdict.findings[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3, 5), (2, 3000)])
def test_a_picture_of_any_shape_is_judged(size: tuple[int, int]) -> None:
    for value in (0, 90, 255):
        verdict = Monitor(load_limits())(np.full((*size, 3), value, np.uint8), 0)
        assert set(verdict.reasons) == set(REASONS)
        assert all(0 <= v <= 1 for v in verdict.reasons.values())


def test_a_camera_that_stands_still_is_frozen_after_a_while_and_thaws() -> None:
    monitor, picture, second = Monitor(load_limits(), frozen_after_s=10.0), scene(), 10**9
    assert [monitor(picture, n * second).reasons["frozen"] for n in (0, 5, 10)] == [0.0, 0.0, 0.0]
    stuck = monitor(picture, 20 * second)
    assert (stuck.findings, stuck.usable, stuck.reasons["frozen"]) == (("frozen",), False, 0.5)
    moved = np.roll(picture, 40, axis=1)
    assert monitor(moved, 21 * second).reasons["frozen"] == 0.0
    # A clock that jumps back tells nothing of how long a picture has been the same.
    assert monitor(moved, 2 * second).reasons["frozen"] == 0.0
    assert monitor(moved, 40 * second).reasons["frozen"] > 0.5
    never = Monitor(load_limits(), frozen_after_s=0.0)
    assert [never(picture, n * 3600 * second).reasons["frozen"] for n in (0, 1, 2)] == [0.0, 0.0, 0.0]


def test_a_reason_is_nothing_up_to_its_limit_and_half_at_twice_as_much() -> None:
    assert [grade(v, 4.0) for v in (0.0, 4.0, 8.0, 16.0)] == [0.0, 0.0, 0.5, 0.75]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("mean"), "no limits"),
        (lambda d: d["at"].pop("sun"), "no limits"),
        (lambda d: d.update(features=["mean"]), "other features"),
        (lambda d: d["at"].update(sun=0.0), "not above 0"),
        (lambda d: d["at"].update(novel=float("nan")), "not above 0"),
    ],
)
def test_limits_that_are_none_are_refused_by_name(tmp_path: Path, change, said: str) -> None:  # type: ignore[no-untyped-def]
    document = yaml.safe_load(SHIPPED.read_text())
    change(document)
    path = tmp_path / "limits.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ValueError, match=rf"limits\.yaml: .*{said}"):
        load_limits(path)
    assert set(load_limits().at) == set(MEASURES)


def drawn(kind: str) -> NDArray[np.uint8]:
    """A picture in whole numbers, 512x512: the same everywhere."""
    y, x = np.mgrid[:512, :512]
    grey = 20 + (x * 7 + y * 3) % 11 + 60 * (x // 48 % 3) + 40 * (y // 90 % 2) + x * y // 97 % 9
    away = (x - 250) ** 2 + (y - 200) ** 2
    if kind == "torn":
        grey[200:] = np.roll(grey[200:], 57, axis=1)
    elif kind == "smooth":
        grey = 20 + (x - 320) ** 2 // 900 + y // 8
    elif kind == "sun":
        grey = 800000 // (away + 1)
    picture = np.stack([grey, grey * 9 // 10, grey // 2 + x // 8], 2).clip(0, 255).astype(np.uint8)
    if kind == "filled":
        picture[300:470] = 90
    elif kind == "sun":
        picture[away < 3600] = 255
    return picture


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("kind", DRAWN)
def test_every_measure_is_what_the_limits_were_chosen_on(kind: str, times: int) -> None:
    view = small(drawn(kind).repeat(times, 0).repeat(times, 1))
    assert list(measures(view, load_limits()).values()) == pytest.approx(DRAWN[kind], rel=1e-7)


@pytest.mark.parametrize("damage", [None, *corruptions.ALL])
def test_what_need_not_be_known_is_left_out_and_changes_no_finding(damage: str | None) -> None:
    picture = scene()
    if damage is not None:
        picture = corruptions.ALL[damage](picture, np.random.default_rng(SEEDS.get(damage, 3)))
    view, limits = small(picture), load_limits()
    exact = measures(view, limits)
    for part in (0.5, 1.0, 2.0):
        above = {name: part * limit for name, limit in limits.at.items()}
        for name, value in measures(view, limits, above=above).items():
            assert value == exact[name] if exact[name] > above[name] else value <= above[name], (name, part)


@pytest.mark.parametrize(
    "shape", [(1024, 1024), (768, 1024), (1040, 1048), (480, 640), (1000, 777), (2160, 3840), (96, 1024), (120, 100)]
)
def test_the_small_copy_is_of_every_so_manieth_pixel_however_they_are_taken(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    scale = SIDE / max(shape)
    size = shape if scale >= 1 else tuple(max(2, round(side * scale)) for side in shape)
    step = max(1, int(min(shape[0] / size[0], shape[1] / size[1]) / 2))
    taken = np.ascontiguousarray(image[::step, ::step])
    assert np.array_equal(small(image).rgb, cv2.resize(taken, size[::-1], interpolation=cv2.INTER_AREA))
