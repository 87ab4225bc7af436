"""What the scanner does to the picture: blur, beam hardening, noise, the table."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bregma.phantom.parameters import Scanner
from bregma.phantom.points import Field, Points


@dataclass(frozen=True, slots=True)
class Kernel:
    """A reconstruction kernel.

    Attributes:
        blur_mm: standard deviation of its point spread.
        sharpen: strength of edge enhancement.
        grain_mm: standard deviation of the smoothing that gives the noise its grain.
        noise: noise against the standard kernel.
        name: ConvolutionKernel (0018,1210).
    """

    blur_mm: float
    sharpen: float
    grain_mm: float
    noise: float
    name: str


KERNELS = {
    "smooth": Kernel(0.75, 0.0, 0.62, 0.75, "H30s"),
    "standard": Kernel(0.6, 0.08, 0.43, 1.0, "H40s"),
    "sharp": Kernel(0.45, 0.22, 0.34, 1.5, "H50s"),
}


METAL = ((22.0, -58.0, -72.0), (-24.0, -50.0, -74.0), (9.0, -4.0, -14.0), (-30.0, -8.0, -8.0))
"""Fillings and clips, head frame mm."""

MOVED_SHARE = 0.35
"""Share of slices during which a restless head moves."""


def blur(hu: Field, kernel: Kernel, pixel_mm: float) -> Field:
    """The picture through the kernel's point spread, (H, W)."""
    soft = cv2.GaussianBlur(hu, (0, 0), max(kernel.blur_mm / pixel_mm, 0.3))
    if kernel.sharpen:
        soft += np.float32(kernel.sharpen) * (soft - cv2.GaussianBlur(soft, (0, 0), 1.6 / pixel_mm))
    return np.asarray(soft, dtype=np.float32)


def harden(hu: Field, points: Points, depth: Field, strength: float) -> None:
    """Cupping below the skull and the dark band between the petrous bones, in place; one plane (H, W)."""
    inside = np.clip(depth / 4, 0, 1)
    cup = np.exp(-np.maximum(depth, 0) / 9) * np.float32(7.0 * strength)
    height = np.exp(-np.square((points.z + 36) / 12))
    band = np.exp(-np.square((points.y - 22 - 3 * np.sin(points.z)) / 7)) * (np.abs(points.x) < 48)
    rays = 0.6 + 0.4 * np.sin(points.y * 0.55 + points.x * 0.08 + points.z)
    hu += inside * (cup - np.float32(26 * strength) * height * band * rays)


def streak(hu: Field, points: Points, strength: float, seed: int) -> None:
    """Bright and dark rays from a filling or a clip, in place; one plane (H, W)."""
    if strength <= 0:
        return
    rng = np.random.default_rng([seed, 1])
    centre = np.array(METAL[int(rng.integers(len(METAL)))]) + rng.normal(0, 3, 3)
    near = np.exp(-np.square((points.z - np.float32(centre[2])) / 9))
    if float(near.max()) < 0.01:
        return
    x, y = points.x - np.float32(centre[0]), points.y - np.float32(centre[1])
    away, angle = np.hypot(x, y), np.arctan2(y, x)
    rays = np.zeros(hu.shape, dtype=np.float32)
    for count in rng.integers(3, 24, 5):
        rays += np.sin(np.float32(count) * angle + np.float32(rng.uniform(0, 6.3)))
    hu += near * rays * np.exp(-away / 45) * np.float32(55 * strength) * (hu > -300)
    hu += np.square(near) * np.clip(3.5 - away, 0, 1) * np.float32(2500)


def shake(hu: Field, scanner: Scanner, seed: int, index: int) -> Field:
    """Slice `index` of a head that moved: the mean of three places of it, (H, W); every third slice, by chance."""
    rng = np.random.default_rng([seed, 2, index])
    if scanner.motion_mm <= 0 or rng.random() > MOVED_SHARE:
        return hu
    pixel_mm, middle = scanner.field_of_view_mm / scanner.size, (scanner.size - 1) / 2
    shift, turn = rng.normal(0, scanner.motion_mm / 2 / pixel_mm, 2), rng.normal(0, scanner.motion_mm)
    total = hu.copy()
    for way in (-1.0, 1.0):
        moved = cv2.getRotationMatrix2D((middle, middle), way * turn, 1.0)
        moved[:, 2] += way * shift
        total += cv2.warpAffine(hu, moved, hu.shape[::-1], flags=cv2.INTER_LINEAR, borderValue=-1000.0)
    return np.asarray(total / np.float32(3), dtype=np.float32)


def make_noise(rng: np.random.Generator, scanner: Scanner, sigma_hu: float) -> Field:
    """One slice of noise with the kernel's grain, (H, W), of deviation `sigma_hu` times the kernel's own factor."""
    kernel, pixel_mm = KERNELS[scanner.kernel], scanner.field_of_view_mm / scanner.size
    white = rng.standard_normal((scanner.size, scanner.size), dtype=np.float32)
    grain = cv2.GaussianBlur(white, (0, 0), max(kernel.grain_mm / pixel_mm, 0.25))
    grain -= cv2.GaussianBlur(grain, (0, 0), max(3.2 * kernel.grain_mm / pixel_mm, 0.8))
    grain *= np.float32(sigma_hu * kernel.noise) / (float(grain.std()) + np.float32(1e-6))
    return np.asarray(grain, dtype=np.float32)


def draw_table(hu: Field, scanner: Scanner, top_mm: float) -> None:
    """Headrest and table below the head, in place; (H, W) of the whole image, only where there is air."""
    size = hu.shape[0]
    mm = (np.arange(size, dtype=np.float32) - (size - 1) / 2) * np.float32(scanner.field_of_view_mm / size)
    x, y = mm[None, :], mm[:, None]
    cradle = np.hypot(x, (y - top_mm + 88) * 1.0) - 103
    rest = np.exp(-np.square(cradle / 2.0)) * (y > top_mm - 60)
    foam = (np.abs(cradle + 5) < 4) & (y > top_mm - 50)
    value = np.maximum(np.where(foam, np.float32(-930), np.float32(-1000)), -1000 + 1800 * rest)
    np.maximum(hu, value.astype(np.float32), out=hu)
