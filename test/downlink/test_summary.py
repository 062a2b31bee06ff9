"""A frame comes down as it was told, under a kilobyte whatever there is to tell."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.downlink import Craft, DownlinkError, Summary, space_packet
from afss_ros.downlink.space_packet import Packet
from afss_ros.downlink.summary import MOST_CRAFT, across, decode, encode, thinned

Array = NDArray[np.float64]


def spread(direction: Array, a: float, b: float, together: float) -> Array:
    basis = across(direction)
    return np.asarray(basis.T @ np.array([[a * a, together * a * b], [together * a * b, b * b]]) @ basis)


def craft(random: np.random.Generator) -> Craft:
    direction = random.normal(size=3)
    direction /= np.linalg.norm(direction)
    corner = random.uniform(0, 180, 2)
    return Craft(
        int(random.integers(1, 60_000)), "coasting", 4, 0.7, np.concatenate([corner, corner + 50]), True, False,
        direction, spread(direction, 1e-4, 3e-2, -0.4), 123.4, 30.0,
    )  # fmt: skip


def test_it_comes_back_as_it_was_told() -> None:
    random = np.random.default_rng(0)
    labels = np.kron(random.integers(0, 4, (12, 16)), np.ones((20, 20))).astype(np.uint8)
    sent = Summary((240, 320), 0.25, tuple(craft(random) for _ in range(5)), labels)
    data = encode(sent)
    told = decode(data)
    assert (told.size, told.step, told.left_out) == ((240, 320), 1, 0) and told.doubt == pytest.approx(0.25, abs=2e-3)
    assert told.labels is not None and np.array_equal(told.labels, labels)
    for a, b in zip(sent.craft, told.craft, strict=True):
        assert (a.identity, a.state, a.class_id, a.at_border, a.shared) == (
            b.identity, b.state, b.class_id, b.at_border, b.shared,
        )  # fmt: skip
        assert np.allclose(a.box_xyxy, b.box_xyxy, atol=0.01) and b.score == pytest.approx(a.score, abs=2e-3)
        assert a.direction is not None and b.direction is not None and np.allclose(a.direction, b.direction, atol=3e-9)
        assert a.covariance is not None and b.covariance is not None
        assert np.allclose(a.covariance, b.covariance, rtol=0.02, atol=2e-7)
        assert b.metres == pytest.approx(123.4, rel=1e-6) and b.sigma == pytest.approx(30.0, rel=1e-3)


def test_it_is_under_a_kilobyte_whatever_there_is_to_tell() -> None:
    random = np.random.default_rng(1)
    noise = random.integers(0, 4, (480, 640)).astype(np.uint8)
    full = Summary((480, 640), 1.0, tuple(craft(random) for _ in range(40)), noise)
    data = encode(full)
    assert len(space_packet.encode(Packet(1, 0, 0, data))) <= 1000
    told = decode(data)
    assert (len(told.craft), told.left_out) == (MOST_CRAFT, 40 - MOST_CRAFT)
    assert told.labels is not None and told.step > 8
    assert np.array_equal(told.labels, thinned(noise, told.step))
    little = decode(encode(full, limit=120))
    assert (len(little.craft), little.labels, little.left_out) == (3, None, 37)


def test_a_craft_without_bearing_and_a_frame_without_anything() -> None:
    bare = Craft(0, "tentative", 4, 0.5, np.array([0.0, 0.0, 5.0, 5.0]), shared=True)
    told = decode(encode(Summary((10, 10), 0.0, (bare,)))).craft[0]
    assert (told.direction, told.covariance, told.metres, told.sigma) == (None, None, None, None) and told.shared
    assert decode(encode(Summary((1, 1), 0.0))).craft == ()


def test_what_is_no_summary_is_refused() -> None:
    data = encode(Summary((480, 640), 0.0, (), np.zeros((480, 640), np.uint8)))
    bomb = data[:2] + struct.pack(">HH", 4, 4) + data[6:]  # a mask that is larger than its picture
    for bad in (b"", b"\x02" + data[1:], data[:9], data[:-2], bomb, data[:6] + b"\x05" + data[7:]):
        with pytest.raises(DownlinkError):
            decode(bad)
    with pytest.raises(DownlinkError, match="65535"):
        encode(Summary((0, 3), 0.0))
    with pytest.raises(DownlinkError, match="limit"):
        encode(Summary((3, 3), 0.0), limit=4)
