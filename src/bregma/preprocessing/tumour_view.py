"""An MR scan as the tumour network sees it: intensities on a common scale, voxels of a common size.

Arrays are (slices, rows, columns) as stored; a step is stored voxels per prepared voxel. The same function prepares for
training and for serving.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.mr_intensity import MrIntensity, normalise
from bregma.scan.errors import RecipeError, RequestError
from bregma.scan.tumour import TumourMap, VoxelBox
from bregma.scan.volume import Geometry, Volume

Three = tuple[int, int, int]
Steps = tuple[float, float, float]
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TumourView:
    """How a scan is shown.

    Attributes:
        intensity: which values become 0 and 1.
        voxel_mm: slice, row and column size that voxels are brought to; 0 leaves an axis as it is.
        patch: slices, rows and columns that are looked at together.
    """

    intensity: MrIntensity
    voxel_mm: tuple[float, float, float]
    patch: Three

    def __post_init__(self) -> None:
        if any(not 0 <= size < np.inf for size in self.voxel_mm):
            raise RecipeError(
                f"voxel_mm is {list(self.voxel_mm)}; expected millimetres, or 0 to leave an axis as it is"
            )
        if any(size < 1 for size in self.patch):
            raise RecipeError(f"patch is {list(self.patch)}; expected at least one slice, row and column")

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "low_percentile": self.intensity.low_percentile,
            "high_percentile": self.intensity.high_percentile,
            "voxel_mm": list(self.voxel_mm),
            "patch": list(self.patch),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TumourView:
        """Undo `to_dict`.

        Raises:
            RecipeError: a key or a value that is none of its.
        """
        try:
            (depth, row, column), (slices, rows, columns) = data["voxel_mm"], data["patch"]
            view = cls(
                MrIntensity(float(data["low_percentile"]), float(data["high_percentile"])),
                (float(depth), float(row), float(column)),
                (int(slices), int(rows), int(columns)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RecipeError(f"the view of a tumour network is {dict(data)}, which cannot be used: {error}") from error
        if view.to_dict() != data:
            raise RecipeError(f"the view of a tumour network is {dict(data)}; expected {view.to_dict()}")
        return view


@dataclass(frozen=True, slots=True, eq=False)
class PreparedMr:
    """A scan as it is shown.

    Attributes:
        values: (D, H, W) float32, about 0 to 1.
        steps: stored voxels per prepared voxel along each axis.
    """

    values: Values
    steps: Steps

    @property
    def shape(self) -> Three:
        """(D, H, W)."""
        slices, rows, columns = self.values.shape
        return slices, rows, columns


def prepare_mr(volume: Volume, view: TumourView) -> PreparedMr:
    """Normalise and resample a scan; one without geometry keeps its voxels, since nobody knows their size.

    Raises:
        RefusedError: a value is no number.
    """
    values = normalise(volume.values, view.intensity)
    counts = prepared_counts(volume.values.shape, volume.geometry, view.voxel_mm)
    steps = [stored / count for stored, count in zip(values.shape, counts, strict=True)]
    for axis, count in enumerate(counts):
        values = _resampled(values, axis, count)
    return PreparedMr(values, (steps[0], steps[1], steps[2]))


def prepared_counts(
    shape: tuple[int, ...], geometry: Geometry | None, voxel_mm: tuple[float, float, float]
) -> list[int]:
    """Voxels along each axis after resampling, at least one.

    Args:
        shape: (D, H, W) as stored.
        geometry: None when nobody knows the voxels' size.
        voxel_mm: wanted; 0 leaves an axis.
    """
    if geometry is None:
        return list(shape)
    gaps = geometry.gaps_mm
    stored_mm = (float(np.median(gaps)) if len(gaps) else 0.0, *geometry.pixel_mm)
    return [
        count if wanted == 0 or size == 0 else max(1, round(count * size / wanted))
        for count, size, wanted in zip(shape, stored_mm, voxel_mm, strict=True)
    ]


def prepared_box(box: VoxelBox, prepared: PreparedMr) -> VoxelBox:
    """A box of the stored scan in the prepared one: every voxel that it touches.

    Raises:
        RequestError: it reaches beyond the scan.
    """
    start = [int(low // step) for low, step in zip(box.start, prepared.steps, strict=True)]
    stop = [int(-(-high // step)) for high, step in zip(box.stop, prepared.steps, strict=True)]
    if any(high > length for high, length in zip(stop, prepared.shape, strict=True)):
        stored = [round(length * step) for length, step in zip(prepared.shape, prepared.steps, strict=True)]
        raise RequestError(
            f"box from {box.start} to {box.stop} reaches beyond the scan of {stored} slices, rows and columns"
        )
    return VoxelBox((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def prepared_map(numbers: TumourMap, prepared: PreparedMr) -> TumourMap:
    """A tumour map in the prepared scan: of each prepared voxel what lies at its middle."""
    for axis, (length, step) in enumerate(zip(prepared.shape, prepared.steps, strict=True)):
        middle = ((np.arange(length) + 0.5) * step).astype(np.intp)
        numbers = np.take(numbers, middle, axis=axis)
    return numbers


def _resampled(values: Values, axis: int, count: int) -> Values:
    """Linear interpolation, and weighted means where voxels grow, so that fine noise does not become coarse noise."""
    length = values.shape[axis]
    if count == length:
        return values
    step = length / count
    middle = (np.arange(count) + 0.5) * step - 0.5
    away = np.abs(middle[:, None] - np.arange(length)) / max(step, 1.0)
    weights = np.maximum(0.0, 1.0 - away).astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(np.moveaxis(np.tensordot(weights, values, axes=(1, axis)), 0, axis))
