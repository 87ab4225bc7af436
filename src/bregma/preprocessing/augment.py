"""Small changes to prepared scans for training, drawn once per scan and written down.

A record says exactly what was done, to all slices of a scan alike, so that it can be repeated, undone and accounted
for: a left-right flip, for example, also swaps the side in a label. Letters: D slices, C channels, S prepared size.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.settings import known_keys, number
from bregma.scan.errors import RecipeError

Image = NDArray[np.float32]
Grey = NDArray[np.uint8]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AugmentationSettings:
    """How much may change; the defaults change nothing.

    Attributes:
        rotation_degrees: turns up to this, either way.
        flip_horizontal: probability of a left-right flip.
        flip_vertical: probability of a front-back flip.
        crop: probability of cropping a square and resizing it back.
        crop_share: least side of that square, as a share of the slice's; at most 1.
        scale: enlarges or shrinks up to this share (0.1: 0.9 to 1.1).
        shift_pixels: shifts up to this, along rows and along columns, in prepared pixels.
        contrast: changes the contrast about middle grey up to this share.
        brightness: makes brighter or darker up to this, in grey from 0 to 1.
    """

    rotation_degrees: float = 0.0
    flip_horizontal: float = 0.0
    flip_vertical: float = 0.0
    crop: float = 0.0
    crop_share: float = 0.8
    scale: float = 0.0
    shift_pixels: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0

    def __post_init__(self) -> None:
        most = {"rotation_degrees": 180.0, "scale": 0.5, "shift_pixels": math.inf, "contrast": 1.0, "brightness": 1.0}
        for field in dataclasses.fields(self):
            value, high = getattr(self, field.name), most.get(field.name, 1.0)
            if not 0 <= value <= high or not math.isfinite(value):
                raise RecipeError(f"[augmentation] {field.name} is {value}; expected 0 to {high:g}")
        if self.crop_share < 0.1:
            raise RecipeError(f"[augmentation] crop_share is {self.crop_share}; expected 0.1 to 1")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AugmentationSettings:
        """Settings from plain data.

        Raises:
            RecipeError: an unknown key or a value out of its range.
        """
        known_keys(data, {field.name for field in dataclasses.fields(cls)}, where="[augmentation]")
        return cls(**{key: number(value, where=f"[augmentation] {key}") for key, value in data.items()})


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What was done to one scan: flips, then one turn, scale and shift, then grey values.

    Attributes:
        flip_horizontal: left and right were exchanged; labels of side must be, too.
        flip_vertical: front and back were exchanged.
        rotation_degrees: turned about the middle, from the patient's left towards the back if above 0.
        scale: enlarged about the middle by this factor.
        shift: (rows, columns) in pixels of the new slice.
        contrast: factor on grey about 0.5.
        brightness: added to grey.
    """

    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation_degrees: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    contrast: float = 1.0
    brightness: float = 0.0

    @property
    def is_exact(self) -> bool:
        """Whether every pixel only changes its place: nothing is interpolated."""
        return self.rotation_degrees == 0 and self.scale == 1 and self.shift == (0, 0)

    def matrix(self, size: int) -> Matrix:
        """(2, 3) affine from flipped to new (x, y) = (column, row) places, for slices of `size` pixels."""
        angle = math.radians(self.rotation_degrees)
        turn = self.scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        middle = np.full(2, (size - 1) / 2)
        return np.column_stack([turn, middle - turn @ middle + np.array(self.shift[::-1])])


def draw_augmentation(rng: np.random.Generator, settings: AugmentationSettings, *, size: int) -> Augmentation:
    """One scan's augmentation; as many random numbers are used whatever the settings are.

    Args:
        rng: where the numbers come from.
        settings: how much may change.
        size: S, for the place of the crop.
    """
    chance = rng.random(3)
    either_way = rng.uniform(-1.0, 1.0, 6)
    side, *place = rng.random(3)
    share = 1.0
    crop_shift = np.zeros(2)
    if chance[2] < settings.crop:
        share = settings.crop_share + (1 - settings.crop_share) * float(side)
        crop_shift = (0.5 - np.array(place)) * (1 - share) * size / share
    shift = crop_shift + either_way[:2] * settings.shift_pixels
    return Augmentation(
        flip_horizontal=bool(chance[0] < settings.flip_horizontal),
        flip_vertical=bool(chance[1] < settings.flip_vertical),
        rotation_degrees=float(either_way[2] * settings.rotation_degrees),
        scale=float((1 + either_way[3] * settings.scale) / share),
        shift=(float(shift[0]), float(shift[1])),
        contrast=float(1 + either_way[4] * settings.contrast),
        brightness=float(either_way[5] * settings.brightness),
    )


def apply_augmentation(images: Image, masks: Image | None, record: Augmentation) -> tuple[Image, Image | None]:
    """The same change to all slices of a scan, and to the masks that go with them.

    Args:
        images: (D, C, S, S) in [0, 1].
        masks: (D, S, S) in [0, 1], or None when there are none.
        record: what to do.

    Returns:
        Both, C-contiguous; the inputs are left as they are. What comes in from outside is black, as air is.
    """
    moved = move(images, record)
    if record.contrast != 1 or record.brightness != 0:
        moved = _other_grey(moved, record)
    return moved, None if masks is None else move(masks, record)


def _other_grey(images: Image, record: Augmentation) -> Image:
    offset = np.float32(0.5 - 0.5 * record.contrast + record.brightness)
    grey: Image = np.clip(images * np.float32(record.contrast) + offset, np.float32(0), np.float32(1))
    return grey


def apply_to_grey(images: Grey, masks: Grey | None, record: Augmentation) -> tuple[Grey, Grey | None]:
    """`apply_augmentation` for what is kept in grey from 0 to 255; rounded to the nearest, and more than twice as fast.

    Args:
        images: (D, C, S, S) uint8.
        masks: (D, S, S) uint8, or None when there are none.
        record: what to do.
    """
    moved = move_grey(images, record)
    if record.contrast != 1 or record.brightness != 0:
        table = _other_grey(np.arange(256, dtype=np.float32) / np.float32(255), record)
        moved = np.rint(table * np.float32(255)).astype(np.uint8)[moved]
    return moved, None if masks is None else move_grey(masks, record)


def move_grey(maps: Grey, record: Augmentation) -> Grey:
    """`move` for (..., S, S) maps in grey from 0 to 255, rounded to the nearest; looks only where it is not black.

    Most of the time of a training input goes here, and a head fills less than half of its slice.
    """
    size = maps.shape[-1]
    out = np.zeros(maps.shape, np.uint8)
    matrix = None if record.is_exact else record.matrix(size) @ _flip_matrix(record, size)
    for plane, moved in zip(maps.reshape(-1, size, size), out.reshape(-1, size, size), strict=True):
        if matrix is not None:
            _warp_part(plane, matrix, moved)
        elif record.flip_horizontal or record.flip_vertical:
            both = record.flip_horizontal and record.flip_vertical
            cv2.flip(plane, -1 if both else int(record.flip_horizontal), dst=moved)
        else:
            moved[:] = plane
    return out


def _flip_matrix(record: Augmentation, size: int) -> Matrix:
    """(3, 3) affine of the flips, of (x, y) = (column, row) places."""
    matrix = np.eye(3)
    for axis, flipped in enumerate((record.flip_horizontal, record.flip_vertical)):
        if flipped:
            matrix[axis] = [*(-matrix[axis, :2]), size - 1]
    return matrix


def _warp_part(plane: Grey, matrix: Matrix, out: Grey) -> None:
    """Warp a plane into one that is black, and look only at the rectangle where its bright part comes to lie."""
    left, top, width, height = cv2.boundingRect(plane)
    if not width:
        return
    corners = np.array([[x, y, 1.0] for x in (left - 1, left + width) for y in (top - 1, top + height)]) @ matrix.T
    (x0, y0) = np.clip(np.floor(corners.min(axis=0)), 0, len(out)).astype(int)
    (x1, y1) = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, len(out)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    shifted = matrix - [[0, 0, x0], [0, 0, y0]]
    part = cv2.warpAffine(plane, shifted, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR, borderValue=0.0)
    out[y0:y1, x0:x1] = part


def move(maps: Image, record: Augmentation) -> Image:
    """Only the places: flips, turn, scale and shift of (..., S, S) maps."""
    flipped = _flip(maps, record)
    return flipped if record.is_exact else _warp(flipped, record.matrix(maps.shape[-1]))


def move_back(maps: Image, record: Augmentation) -> Image:
    """Undo `move`: exactly for flips, by interpolation otherwise; what was moved out of the slice is 0."""
    if not record.is_exact:
        maps = _warp(maps, cv2.invertAffineTransform(record.matrix(maps.shape[-1])))
    return _flip(maps, record)


def _flip(maps: Image, record: Augmentation) -> Image:
    rows = slice(None, None, -1 if record.flip_vertical else 1)
    columns = slice(None, None, -1 if record.flip_horizontal else 1)
    return np.ascontiguousarray(maps[..., rows, columns])


def _warp(maps: Image, matrix: Matrix) -> Image:
    size = (maps.shape[-1], maps.shape[-2])
    out = np.empty(maps.shape, np.float32)
    flat = out.reshape(-1, *maps.shape[-2:])
    for index, plane in enumerate(maps.reshape(flat.shape)):
        flat[index] = cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderValue=0.0)
    return out
