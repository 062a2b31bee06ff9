"""Pictures as they are stored: whole ones are not called damaged, and damaged ones are not seen."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros import images
from afss_ros.images import ImageError

OPTIONS: dict[str, list[int]] = {
    "baseline": [],
    "optimised": [cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "restarts": [cv2.IMWRITE_JPEG_RST_INTERVAL, 4],
    "coarse": [cv2.IMWRITE_JPEG_QUALITY, 15],
}


def noise(height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    small = np.random.default_rng(5).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height)), np.uint8)


def grey_end() -> NDArray[np.uint8]:
    """A picture whose lower half is the grey that decoders fill with."""
    picture = noise()
    picture[60:] = 128
    return picture


PICTURES = {
    "noise": noise(),
    "odd": noise(117, 149),
    "black": np.zeros((120, 160, 3), np.uint8),
    "grey": np.full((120, 160, 3), 128, np.uint8),
    "grey end": grey_end(),
    "mono": noise()[:, :, 0],
}


def jpeg(picture: NDArray[np.uint8], option: str = "baseline") -> bytes:
    return cv2.imencode(".jpg", picture, OPTIONS[option])[1].tobytes()


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("trailer", [b"", b"\x00", b"more\xff\xd9more", b"\xff\xd8\xff\xe0 a second picture"])
def test_whole_jpegs_are_whole_whatever_follows_them(name: str, option: str, trailer: bytes) -> None:
    raw = jpeg(PICTURES[name], option)
    expected = np.asarray(cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR))[:, :, ::-1]
    assert np.array_equal(images.decode_compressed(raw + trailer), expected)
    assert np.array_equal(images.decode_picture(raw + trailer), expected)


def test_whole_pngs_are_whole_whatever_follows_them() -> None:
    raw = images.encode_compressed(noise(), "png")
    assert np.array_equal(images.decode_compressed(raw + b"trailer"), noise())


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_jpeg_without_its_second_part_but_with_its_end_marker_is_refused(option: str, share: float) -> None:
    raw = jpeg(noise(), option)
    with pytest.raises(ImageError, match="the JPEG is damaged"):
        images.decode_compressed(raw[: int(len(raw) * share)] + b"\xff\xd9")


def test_a_hole_that_costs_the_end_is_refused() -> None:
    smooth = cv2.resize(noise(60, 80), (640, 480), interpolation=cv2.INTER_CUBIC)
    raw = bytearray(jpeg(np.asarray(smooth, np.uint8)))
    third = len(raw) // 3
    raw[third : 2 * third] = bytes(third)
    with pytest.raises(ImageError, match="its bits ended before its 640x480 pixels"):
        images.decode_compressed(bytes(raw))


def test_a_jpeg_that_claims_more_than_it_holds_is_refused_before_it_is_decoded() -> None:
    raw = bytearray(jpeg(np.zeros((16, 16, 3), np.uint8)))
    start = raw.index(b"\xff\xc0")
    raw[start + 5 : start + 9] = struct.pack(">HH", 4000, 4000)
    with pytest.raises(ImageError, match="bytes cannot hold 4000x4000 pixels"):
        images.decode_compressed(bytes(raw))


def exif(orientation: int, order: str) -> bytes:
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)


def turned_jpeg(picture: NDArray[np.uint8], orientation: int, order: str) -> bytes:
    raw, content = jpeg(picture), b"Exif\x00\x00" + exif(orientation, order)
    return raw[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + raw[2:]


def turned_png(picture: NDArray[np.uint8], orientation: int, order: str) -> bytes:
    raw, content = images.encode_compressed(picture, "png"), b"eXIf" + exif(orientation, order)
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return raw[:33] + chunk + raw[33:]


# Where the corner that is stored top left, (0, 0), lies in the upright picture: (row, column), 0 first and -1 last.
CORNERS = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}


@pytest.mark.parametrize("turned", [turned_jpeg, turned_png])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("orientation", "corner"), CORNERS.items())
def test_files_are_turned_upright(turned: object, order: str, orientation: int, corner: tuple[int, int]) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:16, :32] = 255
    upright = images.decode_picture(turned(picture, orientation, order))  # type: ignore[operator]
    assert upright.shape == ((64, 96, 3) if orientation < 5 else (96, 64, 3))
    row, column = (0 if side == 0 else -8 for side in corner)
    assert upright[row : row + 8 or None, column : column + 8 or None].min() > 250
    assert (upright > 128).all(2).sum() == 16 * 32


def test_messages_that_are_stored_turned_are_refused() -> None:
    with pytest.raises(ImageError, match="EXIF orientation 6: it is stored turned"):
        images.decode_compressed(turned_jpeg(noise(), 6, "<"), "jpeg")
    assert images.decode_compressed(turned_jpeg(noise(), 1, "<"), "jpeg").shape == (120, 160, 3)


def mosaic(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a sensor with an RGGB filter sees of an RGB picture."""
    pattern = picture[:, :, 1].copy()
    pattern[0::2, 0::2], pattern[1::2, 1::2] = picture[0::2, 0::2, 0], picture[1::2, 1::2, 2]
    return np.asarray(pattern, np.uint8)


def test_a_compressed_mosaic_is_demosaiced() -> None:
    orange = np.zeros((32, 48, 3), np.uint8)
    orange[:] = (250, 120, 10)
    png = images.encode_compressed(mosaic(orange), "png")
    assert np.array_equal(images.decode_compressed(png, "bayer_rggb8; png compressed "), orange)
    # The publisher made colours of it before it compressed them.
    coloured = images.encode_compressed(orange, "png")
    assert np.array_equal(images.decode_compressed(coloured, "bayer_rggb8; png compressed bgr8"), orange)
    with pytest.raises(ImageError, match="only the 8-bit patterns are read"):
        images.decode_compressed(png, "bayer_rggb16; png compressed ")


@pytest.mark.parametrize("form", ["16UC1; png compressed ", "32FC1; compressedDepth png"])
def test_compressed_depth_is_no_picture(form: str) -> None:
    with pytest.raises(ImageError, match="holds depth"):
        images.decode_compressed(images.encode_compressed(noise(), "png"), form)


@pytest.mark.parametrize(("bits", "expected"), [(16, [0, 1, 15]), (12, [0, 16, 255]), (13, [0, 8, 127])])
def test_grey_of_fewer_bits_is_seen_as_bright_as_it_is(bits: int, expected: list[int]) -> None:
    pixels = np.array([[0, 256, 4095]], np.uint16)
    message = {"height": 1, "width": 3, "encoding": "mono16", "step": 6}
    for order, big in (("<u2", False), (">u2", True)):
        found = images.to_rgb(data=pixels.astype(order).tobytes(), is_bigendian=big, grey_bits=bits, **message)  # type: ignore[arg-type]
        assert found[0, :, 0].tolist() == expected
    png = cv2.imencode(".png", pixels)[1].tobytes()
    assert images.decode_compressed(png, "mono16; png compressed ", grey_bits=bits)[0, :, 0].tolist() == expected


def test_grey_of_more_bits_than_said_is_refused() -> None:
    data = np.array([[4096]], np.uint16).tobytes()
    with pytest.raises(ImageError, match="a mono16 pixel is 4096, more than 12 bits hold"):
        images.to_rgb(height=1, width=1, encoding="mono16", step=2, data=data, grey_bits=12)


@pytest.mark.parametrize(("rows", "is_read"), [(0, True), (8, True), (31, True), (32, False), (160, False)])
def test_rows_that_hardware_adds_are_skipped_and_more_is_another_layout(rows: int, is_read: bool) -> None:
    data = bytes(range(30)) * (4 + rows)
    fields = {"height": 4, "width": 10, "encoding": "rgb8", "step": 30}
    if is_read:
        assert images.to_rgb(data=data, **fields).shape == (4, 10, 3)  # type: ignore[arg-type]
    else:
        with pytest.raises(ImageError, match="the rows lie otherwise than the fields say"):
            images.to_rgb(data=data, **fields)  # type: ignore[arg-type]


def test_data_that_is_no_number_of_rows_is_refused() -> None:
    with pytest.raises(ImageError, match=r"set step to the bytes of a row \(32, if it has 4 rows\)"):
        images.to_rgb(height=4, width=10, encoding="rgb8", step=30, data=bytes(32 * 4))
