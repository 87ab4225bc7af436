"""Small changes to prepared scans for training, drawn once per scan and written down.

A record says exactly what was done, to all slices of a scan alike, so that it can be repeated, undone and accounted
for: a left-right flip, for example, also swaps the side in a label. Letters: D slices, C channels, S prepared size.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.settings import known_keys, number
from bregma.preprocessing.window import Window
from bregma.scan.errors import RecipeError

Image = NDArray[np.float32]
Grey = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Pixel = TypeVar("Pixel", np.float32, np.uint8)

WHOLE_PIXEL = 1e-6
"""A place that lies this near to a whole pixel, in pixels, was drawn as one."""


@dataclass(frozen=True, slots=True)
class AugmentationSettings:
    """How much may change; the defaults change nothing.

    Attributes:
        rotation_degrees: turns up to this, either way.
        flip_horizontal: probability of a left-right flip.
        flip_vertical: probability of a front-back flip.
        quarter_turn: probability of a quarter turn, either way as often; files that do not say how they lie may be so.
        crop: probability of cropping a square of whole pixels and resizing it back.
        crop_share: least side of that square, as a share of the slice's; at most 1.
        scale: enlarges or shrinks up to this share (0.1: 0.9 to 1.1).
        shift_pixels: shifts up to this, along rows and along columns, in prepared pixels.
        contrast: changes the contrast about middle grey up to this share.
        brightness: makes brighter or darker up to this, in grey from 0 to 1.
        sharpness: sharpens or blurs by up to this share of what a blur of one pixel takes away; at most 1.
        displayed: probability of being seen as a saved picture of the first window, without what that window cut off.
    """

    rotation_degrees: float = 0.0
    flip_horizontal: float = 0.0
    flip_vertical: float = 0.0
    quarter_turn: float = 0.0
    crop: float = 0.0
    crop_share: float = 0.8
    scale: float = 0.0
    shift_pixels: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    sharpness: float = 0.0
    displayed: float = 0.0

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
    """What was done to one scan: flips and quarter turns, then one turn, scale and shift, then grey values.

    Attributes:
        flip_horizontal: left and right were exchanged; labels of side must be, too.
        flip_vertical: front and back were exchanged.
        quarter_turns: turned by so many right angles, from the patient's left towards the back; 0 to 3.
        rotation_degrees: turned about the middle, from the patient's left towards the back if above 0.
        scale: enlarged about the middle by this factor.
        shift: (rows, columns) in pixels of the new slice.
        contrast: factor on grey about 0.5.
        brightness: added to grey.
        sharpness: share of what a blur takes away that was added; below 0 taken away.
        displayed: only what the first window shows was known; `display_tables` gives the other windows' grey.
    """

    flip_horizontal: bool = False
    flip_vertical: bool = False
    quarter_turns: int = 0
    rotation_degrees: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    contrast: float = 1.0
    brightness: float = 0.0
    sharpness: float = 0.0
    displayed: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether every pixel only changes its place: nothing is interpolated."""
        return self.rotation_degrees == 0 and self.scale == 1 and self.shift == (0, 0)

    def square(self, size: int) -> tuple[int, int, int] | None:
        """(top, left, side) in pixels of the flipped slice, when all that is left is to crop that square and resize it.

        None when the square is not one of whole pixels inside the slice, or when something is turned.
        """
        side = size / self.scale
        places = [side, *((size - side) / 2 - shift / self.scale for shift in self.shift)]
        side_pixels, top, left = (round(place) for place in places)
        whole = all(abs(place - round(place)) < WHOLE_PIXEL for place in places)
        inside = min(top, left) >= 0 and max(top, left) + side_pixels <= size
        return (top, left, side_pixels) if whole and inside and self.rotation_degrees == 0 else None

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
    numbers = rng.random(16).tolist()
    chance, (part, *place) = numbers[:3], numbers[9:12]
    either_way = [2 * number - 1 for number in numbers[3:9]]
    share, crop_shift = 1.0, (0.0, 0.0)
    if chance[2] < settings.crop:
        side = math.ceil((settings.crop_share + (1 - settings.crop_share) * part) * size)
        share = side / size
        top, left = ((size - side) / 2 - round(one * (size - side)) for one in place)
        crop_shift = (top / share, left / share)
    shift = [crop + way * settings.shift_pixels for crop, way in zip(crop_shift, either_way[:2], strict=True)]
    return Augmentation(
        flip_horizontal=chance[0] < settings.flip_horizontal,
        flip_vertical=chance[1] < settings.flip_vertical,
        quarter_turns=(1 if numbers[14] < 0.5 else 3) if numbers[13] < settings.quarter_turn else 0,
        rotation_degrees=either_way[2] * settings.rotation_degrees,
        scale=(1 + either_way[3] * settings.scale) / share,
        shift=(shift[0], shift[1]),
        contrast=1 + either_way[4] * settings.contrast,
        brightness=either_way[5] * settings.brightness,
        sharpness=(2 * numbers[15] - 1) * settings.sharpness,
        displayed=numbers[12] < settings.displayed,
    )


def display_tables(windows: Sequence[Window]) -> Grey:
    """(C, 256) grey of each window from grey of the first, for a picture that holds nothing beyond the first.

    What lies above the first window's white is known as its white: bone looks like what is just as bright there.
    """
    first = windows[0]
    hu = first.low + np.arange(256) / 255 * first.width
    shares = [(hu - window.low) / window.width for window in windows]
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)


def apply_augmentation(images: Image, masks: Image | None, record: Augmentation) -> tuple[Image, Image | None]:
    """The same change to all slices of a scan, and to the masks that go with them.

    Args:
        images: (D, C, S, S) in [0, 1].
        masks: (D, S, S) in [0, 1], or None when there are none.
        record: what to do.

    Returns:
        Both, C-contiguous; the inputs are left as they are, and given back where nothing changes. What comes in from
        outside is black, as air is.
    """
    moved = move(images, record)
    if record.sharpness != 0:
        moved = _other_sharpness(moved, record.sharpness)
    if record.contrast != 1 or record.brightness != 0:
        moved = _other_grey(moved, record)
    return moved, None if masks is None else move(masks, record)


def _other_grey(images: Image, record: Augmentation) -> Image:
    offset = np.float32(0.5 - 0.5 * record.contrast + record.brightness)
    grey: Image = np.clip(images * np.float32(record.contrast) + offset, np.float32(0), np.float32(1))
    return grey


def _other_sharpness(images: NDArray[Pixel], share: float) -> NDArray[Pixel]:
    """As other kernels reconstruct: more or less of what a blur by one pixel takes away; within white and black."""
    out = np.empty_like(images)
    size, white = images.shape[-1], 255 if images.dtype == np.uint8 else 1
    for plane, sharper in zip(images.reshape(-1, size, size), out.reshape(-1, size, size), strict=True):
        cv2.addWeighted(plane, 1 + share, cv2.GaussianBlur(plane, (0, 0), 1.0), -share, 0, dst=sharper)
    return np.clip(out, 0, white, out=out)


def apply_to_grey(images: Grey, masks: Grey | None, record: Augmentation) -> tuple[Grey, Grey | None]:
    """`apply_augmentation` for what is kept in grey from 0 to 255; rounded to the nearest, and faster.

    Args:
        images: (D, C, S, S) uint8.
        masks: (D, S, S) uint8, or None when there are none.
        record: what to do.
    """
    moved = move(images, record)
    if record.sharpness != 0:
        moved = _other_sharpness(moved, record.sharpness)
    if record.contrast != 1 or record.brightness != 0:
        table = _other_grey(np.arange(256, dtype=np.float32) / np.float32(255), record)
        moved = np.rint(table * np.float32(255)).astype(np.uint8)[moved]
    return moved, None if masks is None else move(masks, record)


def move(maps: NDArray[Pixel], record: Augmentation) -> NDArray[Pixel]:
    """Only the places: flips, quarter turns, turn, scale and shift of (..., S, S) maps; grey is rounded to the nearest.

    Returns:
        C-contiguous; `maps` itself when nothing moves.
    """
    size = maps.shape[-1]
    flipped = _flip(maps, record)
    if record.quarter_turns:
        flipped = np.ascontiguousarray(np.rot90(flipped, -record.quarter_turns, axes=(-2, -1)))
    if record.is_exact:
        return flipped
    square = record.square(size)
    return _warp(flipped, record.matrix(size)) if square is None else _resize(flipped, *square)


def move_back(maps: Image, record: Augmentation) -> Image:
    """Undo `move`: exactly for flips and quarter turns, else by interpolation; what was moved out of the slice is 0."""
    if not record.is_exact:
        maps = _warp(maps, cv2.invertAffineTransform(record.matrix(maps.shape[-1])))
    return _flip(np.rot90(maps, record.quarter_turns, axes=(-2, -1)), record)


def _flip(maps: NDArray[Pixel], record: Augmentation) -> NDArray[Pixel]:
    maps = np.ascontiguousarray(maps[..., ::-1, :] if record.flip_vertical else maps)
    if record.flip_horizontal:
        rows = maps.reshape(-1, maps.shape[-1])
        maps = cv2.flip(rows, 1).reshape(maps.shape)
    return maps


def _resize(maps: NDArray[Pixel], top: int, left: int, side: int) -> NDArray[Pixel]:
    """A square of each map at the size of the map: what `_warp` does inside it, in less than a third of the time."""
    size = maps.shape[-1]
    out = np.empty_like(maps)
    for plane, moved in zip(maps.reshape(-1, size, size), out.reshape(-1, size, size), strict=True):
        part = plane[top : top + side, left : left + side]
        cv2.resize(part, (size, size), dst=moved, interpolation=cv2.INTER_LINEAR)
    return out


def _warp(maps: NDArray[Pixel], matrix: Matrix) -> NDArray[Pixel]:
    size = maps.shape[-1]
    out = np.zeros_like(maps)
    for plane, moved in zip(maps.reshape(-1, size, size), out.reshape(-1, size, size), strict=True):
        _warp_part(plane, matrix, moved)
    return out


def _warp_part(plane: NDArray[Pixel], matrix: Matrix, out: NDArray[Pixel]) -> None:
    """Warp a plane into one that is black, and look only at the rectangle where its bright part comes to lie.

    A head fills less than half of its slice.
    """
    left, top, width, height = cv2.boundingRect(plane if plane.dtype == np.uint8 else (plane != 0).view(np.uint8))
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
