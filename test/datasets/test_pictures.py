"""Pixels are what the writer meant: palettes, few bits, EXIF orientation, masks in JPEG."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afss_ros.datasets import DatasetError
from afss_ros.datasets.pictures import is_upright, picture_size, read_bright, read_label_ids, read_non_zero, read_rgb

IDS = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
FAR_APART = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((16, 16), np.uint8))
"""Grey blocks of 16 x 16, 0 40 80 above 120 160 200: 32 rows, 48 columns."""


def _png(bits: int, rows: list[list[int]], colour_type: int, palette: bytes = b"") -> bytes:
    """A PNG of few bits, which no library writes as wanted (ISO/IEC 15948)."""
    lines = b""
    for row in rows:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        lines += b"\0" + bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), bits, colour_type, 0, 0, 0))]
    chunks += [(b"PLTE", palette)] if palette else []
    chunks += [(b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("bits", "largest"), [(1, 1), (2, 3), (4, 15), (8, 255)])
@pytest.mark.parametrize("palette", [False, True])
def test_ids_are_what_is_stored_whatever_the_bits_and_the_colours(
    tmp_path: Path, bits: int, largest: int, palette: bool
) -> None:
    rows = [[0, 1, largest], [largest, 0, 1]]
    colours = bytes(np.random.default_rng(0).integers(0, 255, 3 * 2**bits, np.uint8)) if palette else b""
    path = tmp_path / "labels.png"
    path.write_bytes(_png(bits, rows, 3 if palette else 0, colours))
    assert read_label_ids(path).tolist() == rows


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_a_one_bit_picture_means_0_and_1(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(IDS.astype(bool)).save(tmp_path / f"labels{suffix}")
    assert read_label_ids(tmp_path / f"labels{suffix}").tolist() == IDS.tolist()


@pytest.mark.parametrize(
    ("suffix", "pixels", "reason"),
    [
        (".jpg", FAR_APART, "is a JPEG, whose compression makes other ids"),
        (".png", np.dstack([FAR_APART] * 3), "8-bit with one channel, this is PNG of mode RGB"),
        (".png", FAR_APART.astype(np.uint16) * 256, "8-bit with one channel"),
    ],
)
def test_what_cannot_be_ids_is_refused(tmp_path: Path, suffix: str, pixels: np.ndarray, reason: str) -> None:
    path = tmp_path / f"labels{suffix}"
    Image.fromarray(pixels).save(path)
    with pytest.raises(DatasetError, match=reason):
        read_label_ids(path)


UPRIGHT = {
    1: [[0, 40, 80], [120, 160, 200]],
    2: [[80, 40, 0], [200, 160, 120]],
    3: [[200, 160, 120], [80, 40, 0]],
    4: [[120, 160, 200], [0, 40, 80]],
    5: [[0, 120], [40, 160], [80, 200]],
    6: [[120, 0], [160, 40], [200, 80]],
    7: [[200, 80], [160, 40], [120, 0]],
    8: [[80, 200], [40, 160], [0, 120]],
}
"""EXIF orientation -> the blocks of FAR_APART as they are to be seen (CIPA DC-008, 4.6.4)."""


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_pictures_are_turned_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.dstack([FAR_APART] * 3)).save(path, exif=exif, quality=95, lossless=True)
    wanted = np.array(UPRIGHT[orientation])
    upright = read_rgb(path)
    np.testing.assert_allclose(upright[8::16, 8::16, 0], wanted, atol=3)
    assert picture_size(path) == (wanted.shape[1] * 16, wanted.shape[0] * 16)
    assert is_upright(path) == (orientation == 1)
    if orientation > 4:  # a set that declares 48 x 32 was labelled on what is stored
        np.testing.assert_allclose(read_rgb(path, (48, 32))[8::16, 8::16, 0], UPRIGHT[1], atol=3)


def test_a_mask_in_jpeg_counts_from_the_middle_so_that_ringing_does_not_pass(tmp_path: Path) -> None:
    inside = np.zeros((64, 64), np.uint8)
    inside[20:40, 13:43] = 255
    Image.fromarray(inside).save(tmp_path / "mask.jpg", quality=60)
    stored = np.asarray(Image.open(tmp_path / "mask.jpg"))
    assert ((stored > 0) & (inside == 0)).any()  # it rings
    assert abs(int(read_non_zero(tmp_path / "mask.jpg").sum()) - 600) < 20
    Image.fromarray(inside // 255).save(tmp_path / "mask.png")
    assert read_non_zero(tmp_path / "mask.png").sum() == 600


def test_the_index_of_a_palette_is_a_mask_however_dark_its_colour(tmp_path: Path) -> None:
    picture = Image.fromarray(IDS, "P")
    picture.putpalette([0, 0, 0, 60, 0, 0])
    picture.save(tmp_path / "mask.png")
    for read in (read_bright, read_non_zero):
        assert read(tmp_path / "mask.png").tolist() == (IDS > 0).tolist()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_with_more_behind_its_end_is_whole_and_a_cut_one_is_not(tmp_path: Path, suffix: str) -> None:
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)).save(
        content, {".jpg": "JPEG", ".png": "PNG"}[suffix]
    )
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(content.getvalue() + b"MotionPhoto" * 100)
    assert read_rgb(path).shape == (32, 48, 3)
    path.write_bytes(content.getvalue()[:-200])
    with pytest.raises(DatasetError, match="was cut"):
        read_rgb(path)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe.png", tmp_path / "zero.png"):
        for read in (read_rgb, read_label_ids, read_bright, picture_size):
            with pytest.raises(DatasetError, match="no regular file"):
                read(path)


def test_a_header_that_claims_more_than_any_picture_has_is_not_decoded(tmp_path: Path) -> None:
    content = bytearray(_png(8, [[0, 1], [1, 0]], 0))
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (tmp_path / "huge.png").write_bytes(bytes(content))
    for read in (read_rgb, read_label_ids, picture_size):
        with pytest.raises(DatasetError, match=r"claims"):
            read(tmp_path / "huge.png")
