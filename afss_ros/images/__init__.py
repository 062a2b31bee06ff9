"""Image messages and files to RGB arrays and back, without cv_bridge and without trust.

Every function takes plain buffers, so rclpy, rosbags and files share it. What cannot be an image raises `ImageError`,
which names the value and the cure; the caller counts the frame, reports it, and goes on.

Rules worth knowing:
    - `rgb8` is a view of the message's memory; every other encoding costs one OpenCV pass.
    - `data` holds the rows that height and step say, and at most 31 more, as hardware aligns them: other data lies
      otherwise than the fields say, and would be a skewed picture.
    - 16-bit grey becomes 8-bit by the upper 8 of its lowest `grey_bits` bits, the same for every frame: a stretch by
      each frame's own range would make what the student sees depend on the rest of the picture. ROS does not say how
      many bits a camera uses; 16 is assumed, which leaves 12 of them nearly black, so set it.
    - `8UC1`, `8UC3`, `8UC4` say nothing about colour; they are read as OpenCV writes them: mono8, bgr8, bgra8.
    - `16UC1` and `32FC1` are distances (REP 118) and refused.
    - Bayer patterns are interpolated bilinearly at full resolution, in compressed images too, whose format says that
      they hold a mosaic; `yuv422` is UYVY, as everywhere in ROS.
    - The first bytes say what a compressed picture is, not its name. What follows its end is not looked at.
    - Picture files are turned upright as EXIF says. Messages that are stored turned are refused: camera_info, and
      everybody else who reads them, knows of no turning.
"""

from afss_ros.images.buffers import MAX_PIXELS, Buffer, Rgb
from afss_ros.images.compressed import (
    decode_compressed,
    decode_labels,
    decode_picture,
    encode_compressed,
    encode_labels,
)
from afss_ros.images.errors import ImageError, UnsupportedEncoding
from afss_ros.images.raw import DEPTH, FEW_BITS, TWELVE_BITS_OF_16, to_rgb

__all__ = [
    "DEPTH",
    "FEW_BITS",
    "MAX_PIXELS",
    "TWELVE_BITS_OF_16",
    "Buffer",
    "ImageError",
    "Rgb",
    "UnsupportedEncoding",
    "decode_compressed",
    "decode_labels",
    "decode_picture",
    "encode_compressed",
    "encode_labels",
    "to_rgb",
]
