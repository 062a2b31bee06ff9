"""Image conversions: two pixels by hand, every padding by property, every bad message an ImageError with its cure."""

from __future__ import annotations

import array
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from afss_ros import images
from afss_ros.images import ImageError, UnsupportedEncoding

GRADIENT: NDArray[np.uint8] = np.stack(np.meshgrid(np.arange(64), np.arange(48), [128]), -1)[:, :, 0].astype(np.uint8)

# Two pixels, red then blue, as each encoding stores them.
RED_BLUE = {
    "rgb8": bytes([255, 0, 0, 0, 0, 255]),
    "bgr8": bytes([0, 0, 255, 255, 0, 0]),
    "rgba8": bytes([255, 0, 0, 9, 0, 0, 255, 9]),
    "bgra8": bytes([0, 0, 255, 9, 255, 0, 0, 9]),
    "8UC3": bytes([0, 0, 255, 255, 0, 0]),
    "8UC4": bytes([0, 0, 255, 9, 255, 0, 0, 9]),
}


@pytest.mark.parametrize("encoding", sorted(RED_BLUE))
def test_colour_encodings(encoding: str) -> None:
    data = RED_BLUE[encoding]
    pixels = images.to_rgb(height=1, width=2, encoding=encoding, step=len(data), data=data)
    assert pixels.tolist() == [[[255, 0, 0], [0, 0, 255]]]


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_is_three_equal_channels(encoding: str) -> None:
    pixels = images.to_rgb(height=2, width=1, encoding=encoding, step=1, data=b"\x07\xff")
    assert pixels.tolist() == [[[7, 7, 7]], [[255, 255, 255]]]


@pytest.mark.parametrize(("is_bigendian", "order"), [(0, "<u2"), (1, ">u2"), (True, ">u2")])
def test_sixteen_bits_become_their_high_byte(is_bigendian: bool | int, order: str) -> None:
    data = np.array([0x00FF, 0x0100, 0xABCD, 0xFFFF], order).tobytes()
    pixels = images.to_rgb(height=2, width=2, encoding="mono16", step=4, data=data, is_bigendian=is_bigendian)
    assert pixels[:, :, 0].tolist() == [[0x00, 0x01], [0xAB, 0xFF]]
    assert (pixels == pixels[:, :, :1]).all()


@pytest.mark.parametrize(
    "wrap", [bytes, bytearray, memoryview, lambda b: array.array("B", b), lambda b: np.frombuffer(b, np.uint8)]
)
def test_every_buffer_that_message_libraries_use_is_read(wrap: Callable[[bytes], images.Buffer]) -> None:
    pixels = images.to_rgb(height=1, width=2, encoding="rgb8", step=6, data=wrap(RED_BLUE["rgb8"]))
    assert pixels.tolist() == [[[255, 0, 0], [0, 0, 255]]]


def test_rgb8_is_a_view_that_cannot_be_written_through() -> None:
    data = np.zeros(12, np.uint8)
    pixels = images.to_rgb(height=2, width=2, encoding="rgb8", step=6, data=data)
    assert np.shares_memory(pixels, data)
    assert not pixels.flags.writeable


@given(
    st.sampled_from(["rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16"]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 7),
    st.booleans(),
)
def test_row_padding_never_shows(encoding: str, height: int, width: int, padding: int, last_row_padded: bool) -> None:
    row = width * {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "mono16": 2}[encoding]
    tight = np.random.default_rng(0).integers(0, 256, (height, row)).astype(np.uint8)
    padded = np.pad(tight, ((0, 0), (0, padding)), constant_values=77).tobytes()
    if not last_row_padded and padding:
        padded = padded[:-padding]
    expected = images.to_rgb(height=height, width=width, encoding=encoding, step=row, data=tight.tobytes())
    found = images.to_rgb(height=height, width=width, encoding=encoding, step=row + padding, data=padded)
    assert found.shape == (height, width, 3) and found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"step": 5}, "step 5 is too small for 2 rgb8 pixels; the publisher must set at least 6"),
        ({"step": 0}, "step 0 is too small"),
        ({"data": b"\x00" * 5}, "data has 5 bytes, but 2x1 rgb8 with step 6 needs 6"),
        ({"data": b""}, "data has 0 bytes"),
        ({"height": 0}, "2x0: it has no pixels"),
        ({"width": 0, "step": 0}, "0x1: it has no pixels"),
        ({"height": 2**32 - 1, "width": 2**32 - 1, "step": 2**32 - 1}, "claims 4294967295x4294967295 pixels"),
        ({"height": 2**20, "step": 2**30}, "needs"),
        ({"data": "text"}, "must be a buffer of bytes, got str"),
        ({"data": None}, "must be a buffer of bytes, got NoneType"),
    ],
)
def test_fields_that_make_no_image_are_named(fields: dict[str, object], reason: str) -> None:
    good: dict[str, object] = {"height": 1, "width": 2, "encoding": "rgb8", "step": 6, "data": RED_BLUE["rgb8"]}
    with pytest.raises(ImageError, match=reason):
        images.to_rgb(**{**good, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_give_the_colour_that_was_filtered(pattern: str) -> None:
    color = {"r": 200, "g": 120, "b": 40}
    mosaic = np.tile(np.array([color[c] for c in pattern], np.uint8).reshape(2, 2), (4, 5))
    found = images.to_rgb(height=8, width=10, encoding=f"bayer_{pattern}8", step=10, data=mosaic.tobytes())
    assert (found[2:-2, 2:-2] == [200, 120, 40]).all()


@pytest.mark.parametrize(
    ("encoding", "order"), [("yuv422", "uyvy"), ("uyvy", "uyvy"), ("yuv422_yuy2", "yuyv"), ("yuyv", "yuyv")]
)
def test_packed_yuv_has_its_colours_in_order(encoding: str, order: str) -> None:
    values = {"y": 81, "u": 90, "v": 240}  # red, in the video range of BT.601
    row = bytes(values[c] for c in order) * 3 + b"??"
    found = images.to_rgb(height=2, width=6, encoding=encoding, step=14, data=row * 2)
    assert abs(found.astype(int) - [254, 0, 0]).max() <= 3


@pytest.mark.parametrize(
    ("encoding", "height", "width", "reason"),
    [("bayer_rggb8", 1, 4, "takes 2x2"), ("yuv422", 2, 3, "3 pixels wide.*even")],
)
def test_pictures_too_small_for_their_pattern_are_refused(encoding: str, height: int, width: int, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        images.to_rgb(height=height, width=width, encoding=encoding, step=16, data=bytes(64))


@pytest.mark.parametrize("encoding", ["bayer_rggb16", "32FC1", "nv12", "RGB8", ""])
def test_an_encoding_left_to_cv_bridge_lists_the_known_ones(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match=r"known are rgb8, bgr8, .*cv_bridge"):
        images.to_rgb(height=1, width=1, encoding=encoding, step=3, data=b"123")


@pytest.mark.parametrize("declared", ["", "png", "rgb8; png compressed rgb8", "bgr8; png compressed bgr8"])
def test_png_comes_back_exactly(declared: str) -> None:
    np.testing.assert_array_equal(
        images.decode_compressed(images.encode_compressed(GRADIENT, "png"), declared), GRADIENT
    )


@pytest.mark.parametrize("declared", ["", "jpeg", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed bgr8"])
def test_jpeg_comes_back_closely_and_with_its_colours_in_order(declared: str) -> None:
    orange = np.full((16, 24, 3), (240, 120, 10), np.uint8)
    decoded = images.decode_compressed(array.array("B", images.encode_compressed(orange, "jpeg", 95)), declared)
    assert decoded.shape == orange.shape
    assert np.abs(decoded.astype(int) - orange).max() <= 4


def test_grey_pictures_decode_to_three_channels() -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    np.testing.assert_array_equal(
        images.decode_compressed(images.encode_compressed(grey, "png")), np.repeat(grey[:, :, None], 3, 2)
    )


def test_sixteen_bit_png_follows_the_same_rule_as_mono16() -> None:
    stored = cv2.imencode(".png", np.array([[0x00FF, 0xABCD]], np.uint16))[1].tobytes()
    assert images.decode_compressed(stored)[0, :, 0].tolist() == [0x00, 0xAB]


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_picture_cut_anywhere_is_refused(kind: str) -> None:
    whole = images.encode_compressed(GRADIENT, kind)
    for length in range(len(whole)):
        with pytest.raises(ImageError):
            images.decode_compressed(whole[:length])


def with_thumbnail(jpeg: bytes) -> bytes:
    """The JPEG with another, whole JPEG in its APP1 header, as cameras write it."""
    thumbnail = images.encode_compressed(GRADIENT[:8, :8], "jpeg")
    return jpeg[:2] + b"\xff\xe1" + (2 + len(thumbnail)).to_bytes(2, "big") + thumbnail + jpeg[2:]


def test_a_thumbnails_end_marker_does_not_hide_that_the_picture_is_cut() -> None:
    whole = with_thumbnail(images.encode_compressed(GRADIENT, "jpeg"))
    assert images.decode_compressed(whole).shape == GRADIENT.shape
    with pytest.raises(ImageError, match="truncated"):
        images.decode_compressed(whole[:-20])


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_padding_behind_a_picture_is_harmless(kind: str) -> None:
    padded = images.encode_compressed(GRADIENT, kind) + b"\x00" * 100
    assert images.decode_compressed(padded).shape == GRADIENT.shape


def test_progressive_jpeg_is_read() -> None:
    stored = cv2.imencode(".jpg", GRADIENT, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert images.decode_compressed(stored).shape == GRADIENT.shape


def test_a_damaged_png_is_refused() -> None:
    whole = bytearray(images.encode_compressed(GRADIENT, "png"))
    middle = len(whole) // 2
    whole[middle : middle + 16] = bytes(16)
    with pytest.raises(ImageError, match="corrupt"):
        images.decode_compressed(whole)


@pytest.mark.parametrize("data", [b"", b"GIF89a...", b"\x00" * 64])
def test_other_formats_are_refused_by_their_first_bytes(data: bytes) -> None:
    with pytest.raises(UnsupportedEncoding, match="neither JPEG nor PNG"):
        images.decode_compressed(data)


def test_depth_is_no_picture() -> None:
    with pytest.raises(UnsupportedEncoding, match="holds depth"):
        images.decode_compressed(images.encode_compressed(GRADIENT, "png"), "16UC1; compressedDepth")


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_random_bytes_never_raise_anything_else(noise: bytes, start: bytes) -> None:
    with pytest.raises(ImageError):
        images.decode_compressed(start + noise)


@pytest.mark.parametrize(
    ("image", "kind", "reason"),
    [
        (GRADIENT, "gif", "use 'jpeg' or 'png'"),
        (GRADIENT.astype(np.float32), "png", "only uint8"),
        (np.zeros((0, 4, 3), np.uint8), "png", "only uint8"),
        (np.zeros((4, 4, 4), np.uint8), "jpeg", "only uint8"),
    ],
)
def test_what_cannot_be_encoded_is_named(image: NDArray[np.uint8], kind: str, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        images.encode_compressed(image, kind)
