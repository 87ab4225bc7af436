"""Textures of one head: what varies over the directions of the head, over its base and over its middle plane.

Directions are laid flat by Lambert's equal-area projection from the vertex: the vertex is the middle of the square,
the plane through the centre is a circle of radius sqrt(2), straight down is the rim of radius 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bregma.phantom.parameters import Shape
from bregma.phantom.points import Field, Points

CENTRE = (0.0, 17.0, 8.0)
"""Middle of the vault in the head frame, where directions start."""

RADII = (69.0, 88.0, 72.0)
"""Half axes of the vault inside the skull."""

TEXELS = 384
SHELL_TEXELS = 192
REACH = 2.02
BASE_LOW = (-100.0, -120.0)
BASE_SIZE = (264, 200)
WAVE_MM = 15.5
"""Length of the waves whose zero lines are the sulci."""


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Textures, ready to be sampled.

    Attributes:
        shell: (S, S, 4) by direction: radius of the inner table, skull and scalp thickness, distance to a suture (mm).
        folds: (T, T, 3) by direction: distance to the nearest sulcus, its depth (mm), how open it is (about 1).
        medial: (M, M, 3) by (y, z): the same on the middle plane.
        base: (264, 200, 4) by (y, x): floor of the skull, its thickness, height of the tentorium, noise.
    """

    shell: Field
    folds: Field
    medial: Field
    base: Field


def make_maps(shape: Shape) -> Maps:
    """Draw the textures of one head from its shape."""
    rng = np.random.default_rng(shape.seed)
    return Maps(_shell(shape, rng), _folds(rng, TEXELS, 0.79), _folds(rng, 256, 1.0), _base(rng))


def _noise(rng: np.random.Generator, shape: tuple[int, int], wave: float) -> Field:
    """Smooth noise of unit deviation with waves about `wave` texels long, made small and enlarged."""
    step = max(wave / 8, 1.0)
    small = (int(np.ceil(shape[0] / step)) + 1, int(np.ceil(shape[1] / step)) + 1)
    field = rng.standard_normal(small, dtype=np.float32)
    field = cv2.GaussianBlur(field, (0, 0), wave / step / 4, borderType=cv2.BORDER_REFLECT_101)
    if step > 1:
        field = cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    field = field[: shape[0], : shape[1]]
    return np.asarray((field - field.mean()) / (field.std() + 1e-9), dtype=np.float32)


def _directions() -> tuple[Field, Field, Field]:
    flat = np.linspace(-REACH, REACH, SHELL_TEXELS, dtype=np.float32)
    u, v = np.meshgrid(flat, flat)
    square = np.minimum(u * u + v * v, 4.0)
    bend = np.sqrt(np.maximum(1 - square / 4, 0))
    return u * bend, v * bend, np.asarray(1 - square / 2, dtype=np.float32)


def _shell(shape: Shape, rng: np.random.Generator) -> Field:
    dx, dy, dz = _directions()
    narrow = 1 + 0.09 * dy - 0.07 * np.square(dy)
    a, b, c = RADII[0] * (narrow + shape.asymmetry * np.sign(dx)), RADII[1], RADII[2]
    power = 2.35
    radius = (np.abs(dx / a) ** power + np.abs(dy / b) ** power + np.abs(dz / c) ** power) ** (-1 / power)
    radius += _noise(rng, radius.shape, 60) * 0.8
    skull = shape.skull_mm * (
        1
        + 0.16 * _noise(rng, radius.shape, 35)
        - 0.35 * np.exp(-(((dy + 0.05) / 0.5) ** 2)) * (np.abs(dx) > 0.5) * np.abs(dx)
    )
    brow = np.exp(-np.square(dx / 0.35) - np.square((dz + 0.22) / 0.22)) * (dy < 0)
    skull += 6.0 * brow * (0.4 + shape.sinus_air)
    skull += 2.5 * np.exp(-((dx / 0.12) ** 2)) * (dz < 0.6) * np.exp(-(((np.abs(dy) - 1) / 0.25) ** 2))
    scalp = shape.scalp_mm * (1 + 0.15 * _noise(rng, radius.shape, 40) + 0.5 * np.clip(-dz, 0, 1))
    return np.stack([radius, np.maximum(skull, 2.0), np.maximum(scalp, 2.0), _sutures(rng)], axis=-1).astype(np.float32)


def _sutures(rng: np.random.Generator) -> Field:
    """Distance in mm to the coronal, sagittal and lambdoid sutures, slightly jagged."""
    dx, dy, dz = _directions()
    jag = _noise(rng, dx.shape, 6) * 0.8
    mean = 76.0
    coronal = (dy + 0.28 + 0.10 * dz) * mean
    lambdoid = (dy - 0.78 - 0.30 * np.abs(dx) + 0.25 * (1 - dz)) * mean
    sagittal = np.where((dy > -0.33) & (dy < 0.85) & (dz > 0), dx * mean, 99.0)
    return np.asarray(np.minimum(np.minimum(np.abs(coronal), np.abs(lambdoid)), np.abs(sagittal)) + np.abs(jag) * 0.3)


def _folds(rng: np.random.Generator, texels: int, texel_mm: float) -> Field:
    """Distance to the nearest sulcus, its depth, and how open it is: zero lines of noise make a labyrinth."""
    wave = WAVE_MM / texel_mm
    field = _noise(rng, (texels, texels), wave) - np.float32(0.8) * _noise(rng, (texels, texels), wave * 1.6)
    lines = (field[1:, 1:] * field[:-1, 1:] <= 0) | (field[1:, 1:] * field[1:, :-1] <= 0)
    away = np.ones((texels, texels), dtype=np.uint8)
    away[1:, 1:][lines] = 0
    distance = cv2.distanceTransform(away, cv2.DIST_L2, 5) * np.float32(texel_mm)
    distance = cv2.GaussianBlur(distance, (0, 0), 0.7)
    depth = np.clip(19.0 + 6.0 * _noise(rng, (texels, texels), wave * 2), 3.0, 27.0)
    opened = np.clip(1.0 + 0.55 * _noise(rng, (texels, texels), wave * 2.5), 0.1, 2.2)
    return np.stack([distance, depth, opened], axis=-1).astype(np.float32)


def _base(rng: np.random.Generator) -> Field:
    y, x = np.meshgrid(
        BASE_LOW[1] + np.arange(BASE_SIZE[0], dtype=np.float32),
        BASE_LOW[0] + np.arange(BASE_SIZE[1], dtype=np.float32),
        indexing="ij",
    )
    side = np.abs(x)
    ridge = 13.0 + 0.5 * side
    wing = -16.0 + 0.10 * side
    dome = np.exp(-(((side - 30) / 15) ** 2)) * np.exp(-(((y + 46) / 24) ** 2))
    front = -32.0 + 13.0 * dome - 3.0 * np.exp(-((side / 6) ** 2)) + 0.012 * np.square(np.maximum(-y - 50, 0))
    middle = -43.0 + 14.0 * np.exp(-((side / 14) ** 2)) + 0.012 * np.maximum(side - 38, 0) ** 2 + 0.014 * (y - 2) ** 2
    back = (
        -60.0
        + 26.0 * np.exp(-(((y - ridge) / 14) ** 2)) * np.exp(-((side / 22) ** 2))
        + 0.012 * np.maximum(y - 50, 0) ** 2
    )
    floor = np.where(y < wing, front, np.where(y < ridge, middle, back))
    floor = ndimage.gaussian_filter(floor, 2.5)
    petrous = (
        np.exp(-(((y - ridge + 1.5) / (5.5 + 0.13 * side) + 0.25 * _noise(rng, y.shape, 16)) ** 2))
        * np.clip((side - 9) / 8, 0, 1)
        * np.clip((72 - side) / 10, 0, 1)
    )
    floor = np.maximum(floor, -52.0 + 32.0 * petrous)
    floor = floor + 1.2 * _noise(rng, floor.shape, 18)
    hole = (x / 15) ** 2 + ((y - 40) / 17) ** 2
    floor = np.where(hole < 1, -140.0, floor)
    thickness = np.where(y < wing, 1.6, 3.2) + 0.8 * _noise(rng, floor.shape, 14) + 20.0 * petrous
    thickness += 8.0 * np.exp(-((side / 11) ** 2)) * ((y > 8) & (y < 30))
    tent = 3.0 - 0.30 * np.maximum(y - 42, 0) - 0.0060 * side**2 - 0.08 * side
    stacked = np.stack([floor, np.clip(thickness, 1.8, 40.0), tent, _noise(rng, floor.shape, 9)], axis=-1)
    return stacked.astype(np.float32)


def _sample(texture: Field, column: Field, row: Field) -> Field:
    """Values of a texture at (column, row) places, channel last."""
    flat = (column.shape[0] * column.shape[1], column.shape[2])
    found = cv2.remap(
        texture, column.reshape(flat), row.reshape(flat), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(found, dtype=np.float32).reshape(*column.shape, texture.shape[2])


def directions(points: Points) -> tuple[Field, Field, Field]:
    """Distance from the vault's middle (mm), and column and row in the textures by direction."""
    x, y, z = points.x - np.float32(CENTRE[0]), points.y - np.float32(CENTRE[1]), points.z - np.float32(CENTRE[2])
    radius = np.sqrt(x * x + y * y + z * z) + np.float32(1e-3)
    bend = np.sqrt(np.float32(2) / (radius * np.maximum(radius + z, np.float32(0.02))))
    bend *= np.float32((TEXELS - 1) / (2 * REACH))
    middle = np.float32((TEXELS - 1) / 2)
    return radius, np.clip(x * bend + middle, 0, TEXELS - 1), np.clip(y * bend + middle, 0, TEXELS - 1)


def sample_direction(texture: Field, column: Field, row: Field) -> tuple[NDArray[np.float32], ...]:
    """The channels of a texture by direction."""
    zoom = np.float32((texture.shape[0] - 1) / (TEXELS - 1))
    found = _sample(texture, column, row) if zoom == 1 else _sample(texture, column * zoom, row * zoom)
    return tuple(found[..., k] for k in range(texture.shape[2]))


def sample_base(maps: Maps, points: Points) -> tuple[NDArray[np.float32], ...]:
    """Floor height, floor thickness, tentorium height and noise below or above each point."""
    found = _sample(maps.base, points.x - np.float32(BASE_LOW[0]), points.y - np.float32(BASE_LOW[1]))
    return tuple(found[..., k] for k in range(4))


def sample_grain(maps: Maps, points: Points, zoom: float) -> Field:
    """The free field of noise, its waves `zoom` times as long, sheared so that it changes from slice to slice."""
    column = (points.x + np.float32(0.5) * points.z) * np.float32(1 / zoom) - np.float32(BASE_LOW[0])
    row = (points.y - np.float32(0.4) * points.z) * np.float32(1 / zoom) - np.float32(BASE_LOW[1])
    return _sample(maps.base, column, row)[..., 3]


def sample_medial(maps: Maps, points: Points) -> tuple[NDArray[np.float32], ...]:
    """Distance to a sulcus of the middle plane, its depth, and how open it is."""
    offset = np.where(points.x > 0, np.float32(0), np.float32(13))
    found = _sample(maps.medial, points.y + np.float32(110), points.z + np.float32(100) + offset)
    return tuple(found[..., k] for k in range(3))
