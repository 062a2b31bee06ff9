"""What can be wrong with an image."""

from __future__ import annotations


class ImageError(ValueError):
    """Bytes that are no usable image; the message gives the value found and the cure."""


class UnsupportedEncoding(ImageError):  # noqa: N818 - it reads as what it is at the raise
    """An encoding or format that this package leaves to others (cv_bridge, image_transport)."""
