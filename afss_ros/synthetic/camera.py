"""A camera: from linear radiance to the 8-bit picture that a sensor and its encoder give."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Camera:
    """How a frame is exposed, blurred, toned, spoiled and encoded. Lengths in pixels of the frame."""

    exposure: float = 1.0
    defocus: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    bloom: float = 0.0
    bloom_size: float = 0.03
    """Sigma of the halo as a fraction of the frame width."""
    vignette: float = 0.0
    haze: tuple[float, float, float] = (0.0, 0.0, 0.0)
    filmic: bool = False
    gamma: float = 2.2
    contrast: float = 1.0
    saturation: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    grey: bool = False
    black: float = 0.0
    """Level of a black pixel after encoding, 0..1."""
    read_noise: float = 0.0
    shot_noise: float = 0.0
    noise_grain: float = 0.0
    """Sigma of the noise's spatial correlation."""
    hot_pixels: float = 0.0
    shrink: float = 1.0
    """Factor by which the picture was once scaled down and up again."""
    sharpen: float = 0.0
    painted: int = 0
    """Strokes of a painter's brush: aperture of the median filter, 0 for none."""
    jpeg: int = 0
    """JPEG quality, 0 for none."""


def _motion_kernel(motion: tuple[float, float]) -> NDArray[np.float32]:
    reach = int(np.ceil(max(abs(motion[0]), abs(motion[1])) / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 8 * reach):
        kernel[round(reach + t * motion[1]), round(reach + t * motion[0])] += 1
    return np.asarray(kernel / kernel.sum(), np.float32)


def _bloomed(image: Image, strength: float, size: float) -> Image:
    h, w = image.shape[:2]
    bright = np.minimum(np.maximum(image - 0.8, 0.0), 12.0)
    small = cv2.resize(bright, (max(w // 4, 1), max(h // 4, 1)), interpolation=cv2.INTER_AREA)
    halo = cv2.GaussianBlur(small, (0, 0), max(size * w / 4, 0.5)) + 0.5 * cv2.GaussianBlur(
        small, (0, 0), max(size * w, 1.0)
    )
    halo = cv2.resize(halo, (w, h), interpolation=cv2.INTER_LINEAR)
    halo *= strength
    halo += image
    return np.asarray(halo, np.float32)


def expose(camera: Camera, radiance: Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Linear radiance float32 (H, W, 3) to the picture uint8 (H, W, 3), RGB."""
    h, w = radiance.shape[:2]
    gain = np.diag(camera.exposure * np.asarray(camera.balance))
    image = np.asarray(cv2.transform(radiance, gain), np.float32)  # several times as fast as a product by channels
    if camera.defocus > 0:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), camera.defocus), np.float32)
    if camera.motion != (0.0, 0.0):
        image = np.asarray(cv2.filter2D(image, -1, _motion_kernel(camera.motion)), np.float32)
    if camera.bloom > 0:
        image = _bloomed(image, camera.bloom, camera.bloom_size)
    if any(camera.haze):
        image = image * (1 - max(camera.haze)) + np.asarray(camera.haze, np.float32)
    if camera.vignette > 0:
        y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        image *= (1 - camera.vignette * 0.5 * (x * x + y * y)).astype(np.float32)[..., None]
    if camera.shot_noise > 0:
        noise = rng.standard_normal(image.shape, np.float32)
        noise *= camera.shot_noise
        noise *= np.sqrt(np.maximum(image, 0))
        image += noise
    np.maximum(image, 0.0, out=image)
    if camera.filmic:
        below = 2.43 * image
        below += 0.59
        below *= image
        below += 0.14
        above = 2.51 * image
        above += 0.03
        above *= image
        image = np.divide(above, below, out=above)
    image = np.asarray(cv2.pow(np.minimum(image, 1.0, out=image), 1 / camera.gamma), np.float32)
    image = _graded(camera, image)
    if camera.black > 0:
        image *= 1 - camera.black
        image += camera.black
    image = _noisy(camera, image, rng)
    return _encoded(camera, np.asarray(cv2.convertScaleAbs(np.maximum(image, 0.0, out=image), alpha=255), np.uint8))


def _graded(camera: Camera, image: Image) -> Image:
    saturation = 0.0 if camera.grey else camera.saturation
    mix = saturation * np.eye(3) + (1 - saturation) * np.array([0.3, 0.59, 0.11])
    image = np.asarray(cv2.transform(image, mix), np.float32)
    np.clip(image, 0.0, 1.0, out=image)
    if camera.contrast != 1.0:
        steeper = 2 * image
        np.subtract(3, steeper, out=steeper)
        steeper *= image * image
        steeper -= image
        steeper *= camera.contrast - 1
        image += steeper
    return np.asarray(image, np.float32)


def _noisy(camera: Camera, image: Image, rng: np.random.Generator) -> Image:
    h, w = image.shape[:2]
    if camera.read_noise > 0:
        noise = rng.standard_normal((h, w, 1 if camera.grey else 3), np.float32)
        if camera.noise_grain > 0.35:
            grain = cv2.GaussianBlur(noise, (0, 0), camera.noise_grain).reshape(noise.shape)
            noise = np.divide(grain, grain.std() + 1e-6, out=grain)
        noise *= camera.read_noise
        image += noise
    if camera.hot_pixels > 0:
        count = rng.poisson(camera.hot_pixels * h * w)
        image[rng.integers(0, h, count), rng.integers(0, w, count)] = rng.uniform(0.3, 1.0, (count, 1))
    return image


def _encoded(camera: Camera, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    h, w = picture.shape[:2]
    out = picture
    if camera.shrink > 1:
        small = cv2.resize(out, (int(w / camera.shrink), int(h / camera.shrink)), interpolation=cv2.INTER_AREA)
        out = cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
    if camera.sharpen > 0:
        soft = cv2.GaussianBlur(out, (0, 0), 1.0)
        out = cv2.addWeighted(out, 1 + camera.sharpen, soft, -camera.sharpen, 0)  # type: ignore[assignment]
    if camera.painted:
        smooth = cv2.medianBlur(out, camera.painted)
        ink = cv2.absdiff(cv2.GaussianBlur(smooth, (0, 0), 1.0), cv2.GaussianBlur(smooth, (0, 0), 2.0))
        out = cv2.subtract(smooth, ink * 3)  # type: ignore[assignment]
    if camera.jpeg:
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])
        out = cv2.imdecode(data, cv2.IMREAD_COLOR)  # type: ignore[assignment]
    return np.asarray(out, np.uint8)
