"""Pictures for people: what a student saw, drawn over the frame. Nothing here is on the path of a measurement.

Line widths and letters grow with the picture, so that an overlay reads the same at 256 and at 4096 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.perception import Detection, Perception
from afss_ros.student import letterbox

Rgb = NDArray[np.uint8]
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_DARK = (12, 14, 18)


def draw(image: Rgb, perception: Perception, *, alpha: float = 0.45) -> Rgb:
    """Draw masks, boxes, names and scores.

    Args:
        image: uint8 (H, W, 3) RGB, the frame that was perceived.
        perception: of that frame, its label map in the frame's size.
        alpha: opacity of the mask's tint, 0..1.

    Returns:
        A new uint8 (H, W, 3) RGB picture.

    Raises:
        ValueError: the label map has another size than the image.
    """
    picture = np.array(image, order="C")
    width = line_width(picture.shape)
    if perception.labels is not None:
        if perception.labels.shape != image.shape[:2]:
            raise ValueError(
                f"the label map is {perception.labels.shape}, the image {image.shape[:2]};"
                " draw on the frame that was perceived"
            )
        tint(picture, perception.labels, alpha)
        _contours(picture, perception.labels, max(1, width // 2))
    for detection in reversed(perception.detections):  # the best on top
        _box(picture, detection, width)
    return picture


def line_width(shape: Sequence[int]) -> int:
    """Line width in pixels for a picture of this shape: 1/300 of its shorter side, at least 1."""
    return max(1, round(min(shape[:2]) / 300))


def tint(picture: Rgb, label_map: NDArray[np.uint8], alpha: float) -> None:
    """Blend the class colours into `picture` in place; background stays as it is."""
    window = _window_of(label_map)
    if window is None:
        return
    ids, pixels = label_map[window], picture[window]
    colors = cv2.LUT(cv2.merge([ids] * 3), labels.color_table()[None])
    blended = cv2.addWeighted(pixels, 1 - alpha, colors, alpha, 0)
    cv2.copyTo(blended, ids, pixels)


def _window_of(label_map: NDArray[np.uint8]) -> tuple[slice, slice] | None:
    """Rows and columns that hold anything; drawing only there keeps overlays cheap."""
    x, y, width, height = cv2.boundingRect(label_map)
    return (slice(y, y + height), slice(x, x + width)) if width and height else None


def _contours(picture: Rgb, label_map: NDArray[np.uint8], width: int) -> None:
    for part in labels.CLASSES:
        if part.id == labels.BACKGROUND:
            continue
        mask = (label_map == part.id).view(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(picture, outlines, -1, part.color, width, cv2.LINE_AA)


def _box(picture: Rgb, detection: Detection, width: int) -> None:
    """Corner brackets, which hide less of a craft than a full frame, a hairline between them, and the label."""
    color = _color_of(detection.class_name)
    x0, y0, x1, y1 = (round(float(v)) for v in detection.box_xyxy)
    x1, y1 = max(x0, x1 - 1), max(y0, y1 - 1)  # the last pixel inside
    cv2.rectangle(picture, (x0, y0), (x1, y1), color, max(1, width // 3), cv2.LINE_AA)
    arm = max(2 * width, min(x1 - x0, y1 - y0) // 6)
    for x, inward_x in ((x0, arm), (x1, -arm)):
        for y, inward_y in ((y0, arm), (y1, -arm)):
            cv2.line(picture, (x, y), (x + inward_x, y), color, 2 * width, cv2.LINE_AA)
            cv2.line(picture, (x, y), (x, y + inward_y), color, 2 * width, cv2.LINE_AA)
    write_label(picture, f"{detection.class_name} {detection.score:.2f}", (x0, y0), color)


def write_label(picture: Rgb, text: str, corner: tuple[int, int], color: tuple[int, int, int]) -> None:
    """Write `text` on a dark plate above `corner` (x, y), or below it where the picture ends; letters are 1/36 of the
    shorter side, and at least as high as can be read."""
    height = max(9, round(min(picture.shape[:2]) / 36))
    thickness = max(1, height // 11)
    scale = cv2.getFontScaleFromHeight(_FONT, height, thickness)
    (text_width, text_height), baseline = cv2.getTextSize(text, _FONT, scale, thickness)
    margin = max(2, height // 3)
    plate_width, plate_height = text_width + 2 * margin, text_height + baseline + margin
    left = max(0, min(corner[0], picture.shape[1] - plate_width))
    above = corner[1] - plate_height
    top = max(0, min(above if above >= 0 else corner[1], picture.shape[0] - plate_height))
    plate = picture[top : top + plate_height, left : left + plate_width]
    plate[:] = cv2.addWeighted(plate, 0.2, np.full_like(plate, _DARK), 0.8, 0)
    plate[:, : max(1, margin // 2)] = color
    origin = (left + margin, top + margin // 2 + text_height)
    cv2.putText(picture, text, origin, _FONT, scale, color, thickness, cv2.LINE_AA)


def contact_sheet(images: Sequence[Rgb], columns: int, width: int) -> Rgb:
    """Lay pictures out in a grid.

    Args:
        images: uint8 (H, W, 3) RGB, of any sizes; each is fitted into a cell with the first one's aspect.
        columns: of the grid; fewer when there are fewer pictures.
        width: of the sheet in pixels.

    Raises:
        ValueError: there is nothing to lay out, or it would not fit.
    """
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    columns = min(columns, len(images))
    if columns < 1 or width < 16 * columns:
        raise ValueError(
            f"a contact sheet of {columns} columns cannot be {width} pixels wide; give at least 16 a column"
        )
    gap = max(1, width // 300)
    cell_width = (width - gap * (columns + 1)) // columns
    cell_height = max(1, round(cell_width * images[0].shape[0] / images[0].shape[1]))
    rows = -(-len(images) // columns)
    sheet = np.empty((gap + rows * (cell_height + gap), width, 3), np.uint8)
    sheet[:] = _DARK
    for i, image in enumerate(images):
        top = gap + (i // columns) * (cell_height + gap)
        left = gap + (i % columns) * (cell_width + gap)
        cell = sheet[top : top + cell_height, left : left + cell_width]
        cell[:] = letterbox.apply(image, letterbox.fit(_size(image), _size(cell)), cell)
    return sheet


def _size(image: Rgb) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _color_of(class_name: str) -> tuple[int, int, int]:
    # An id that no class has shares the loud colour of unknown ones.
    red, green, blue = labels.color_table()[labels.CLASS_IDS.get(class_name, labels.UNLABELLED - 1)].tolist()
    return red, green, blue
