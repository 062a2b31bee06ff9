"""Label maps as runs and as PNG: what comes out is what went in, and what is damaged is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from afss_ros.images import ImageError, decode_labels, encode_compressed, encode_labels, runs

LABELS: NDArray[np.uint8] = np.array([[0, 0, 1], [2, 255, 1]], np.uint8).repeat(30, 0).repeat(40, 1)


def test_they_are_as_the_module_says() -> None:
    labels = np.array([[7, 7, 7], [7, 9, 9]], np.uint8)
    # Two labels take one bit: (4 - 1) * 2 + 0, (2 - 1) * 2 + 1.
    assert runs.encode(labels) == b"R1" + bytes([2, 3, 2, 7, 9, 6, 3])
    assert runs.encode(np.full((20, 20), 5, np.uint8)) == b"R1" + bytes([20, 20, 1, 5, 0x80 | (399 & 127), 399 >> 7])


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 255)))
def test_every_map_comes_back(labels: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> None:
    assert np.array_equal(runs.decode(runs.encode(labels)), labels)


def test_both_forms_are_read_and_are_small() -> None:
    png = encode_labels(LABELS)
    assert len(png) <= len(encode_compressed(LABELS, "png")) < LABELS.size / 4
    for data in (png, runs.encode(LABELS)):
        assert np.array_equal(decode_labels(data), LABELS)
        assert np.array_equal(decode_labels(np.frombuffer(data, np.uint8)), LABELS)


@pytest.mark.parametrize("cut", range(20))
def test_what_is_cut_is_refused(cut: int) -> None:
    data = runs.encode(LABELS[25:35])
    with pytest.raises(ImageError):
        decode_labels(data[:cut])
    with pytest.raises(ImageError):
        decode_labels(encode_labels(LABELS)[: 10 + cut])


@pytest.mark.parametrize(
    "data",
    [
        b"R1\x02\x03\x02\x07\x09\x06\x05",  # a pixel more than the picture has
        b"R1\x02\x03\x01\x07\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # a number of 70 bits
        b"R1\xff\xff\xff\xff\x0f\xff\xff\xff\xff\x0f\x01\x07\x00",  # a picture of 2**64 pixels
        b"R1\x00\x03\x01\x07\x00",
        b"R1\x02\x03\x03\x07\x08\x09\x17",  # the fourth of three labels
        encode_compressed(np.zeros((4, 4, 3), np.uint8), "png"),
        encode_compressed(LABELS, "jpeg"),
        b"",
    ],
)
def test_what_is_no_label_map_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode_labels(data)
    with pytest.raises(ImageError):
        runs.encode(np.zeros((2, 2, 3), np.uint8))


def test_a_small_message_cannot_ask_for_a_large_picture() -> None:
    data = runs.encode(np.zeros((1000, 1000), np.uint8))
    assert len(data) < 16
    with pytest.raises(ImageError, match="1000x1000"):
        runs.decode(data, most_pixels=999_999)
