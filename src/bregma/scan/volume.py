"""Pixels and where they lie.

Arrays are (slices, rows, columns), foot to head; patient space is DICOM LPS in millimetres (x to the patient's left,
y to the back, z to the head); CT is Hounsfield units, int16 as stored. Letters: D slices, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.scan.study import INCOMPLETE, Refusal, Remark, Series, Slice, Source, Status

Vector = NDArray[np.float64]
HU = NDArray[np.int16]

EVEN_MM = 0.1
"""Slice spacings that differ by less than this are one spacing (scanners round positions to 0.01-0.1 mm)."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Where every pixel of a scan lies, slice by slice, so that tilt and uneven gaps need no special case.

    PS3.3 C.7.6.2.1.1: patient = origin + column * column_mm * along_row + row * row_mm * along_column.

    Attributes:
        rows: H.
        columns: W.
        origins: (D, 3) LPS mm of the centre of pixel (row 0, column 0) of each slice, foot to head.
        along_row: (3,) unit vector from one column to the next (first triple of ImageOrientationPatient).
        along_column: (3,) unit vector from one row to the next (second triple).
        pixel_mm: (row_mm, column_mm), the distance between rows and between columns (PixelSpacing order).
    """

    rows: int
    columns: int
    origins: Vector
    along_row: Vector
    along_column: Vector
    pixel_mm: tuple[float, float]

    def __post_init__(self) -> None:
        if self.origins.ndim != 2 or self.origins.shape[1:] != (3,):
            raise ValueError(f"origins have shape {self.origins.shape}; expected (slices, 3)")

    @property
    def slices(self) -> int:
        """D."""
        return len(self.origins)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(D, H, W)."""
        return self.slices, self.rows, self.columns

    @property
    def normal(self) -> Vector:
        """(3,) unit vector at right angles to the slices, towards the next slice."""
        normal = np.cross(self.along_row, self.along_column)
        if self.slices > 1 and float(normal @ (self.origins[-1] - self.origins[0])) < 0:
            return -normal
        return normal if self.slices > 1 or normal[2] >= 0 else -normal

    @property
    def spacing_mm(self) -> Vector:
        """(D-1,) distances between neighbouring slice planes, measured at right angles to them."""
        along: Vector = self.origins @ self.normal
        return along[1:] - along[:-1]

    @property
    def gaps_mm(self) -> Vector:
        """(D-1,) distances from slice origin to slice origin: how far the table moved, also under gantry tilt."""
        distances: Vector = np.linalg.norm(np.diff(self.origins, axis=0), axis=1)
        return distances

    @property
    def evenly_spaced(self) -> bool:
        """Whether all gaps are one gap, within `EVEN_MM`."""
        gaps = self.gaps_mm
        return bool(len(gaps) == 0 or float(np.ptp(gaps)) <= EVEN_MM)

    @property
    def tilt_degrees(self) -> float:
        """Angle between the slices and the patient's axial plane about the left-right axis.

        Positive where the slices sink towards the back, which is how scanners sign Gantry/Detector Tilt (0018,1120)
        for a patient on the back, head first.
        """
        normal = self.normal if self.normal[2] >= 0 else -self.normal
        return float(np.degrees(np.arctan2(normal[1], normal[2]))) + 0.0  # no minus zero

    @property
    def orientation(self) -> str:
        """Word for the plane: "axial", "coronal", "sagittal" by the nearest axis, "oblique" beyond 35 degrees."""
        share = np.abs(self.normal)
        if share.max() < np.cos(np.radians(35.0)):
            return "oblique"
        return ("sagittal", "coronal", "axial")[int(share.argmax())]

    @property
    def voxel_ml(self) -> Vector:
        """(D,) volume in mL that one pixel of each slice stands for.

        Half-way to each neighbour, and at the ends as far outside as inside; NaN for a single slice, whose reach nobody
        knows.
        """
        if self.slices == 1:
            return np.full(1, np.nan)
        spacing = self.spacing_mm
        reach = np.concatenate([spacing[:1], (spacing[1:] + spacing[:-1]) / 2, spacing[-1:]])
        return reach * self.pixel_mm[0] * self.pixel_mm[1] / 1000.0

    def to_patient(self, index: Vector) -> Vector:
        """LPS mm of (..., 3) indices (slice, row, column); slice is whole, row and column may be fractions."""
        index = np.asarray(index, dtype=np.float64)
        origin = self.origins[index[..., 0].astype(np.intp)]
        down = index[..., 1:2] * self.pixel_mm[0] * self.along_column
        across = index[..., 2:3] * self.pixel_mm[1] * self.along_row
        return np.asarray(origin + down + across, dtype=np.float64)

    def to_index(self, point_mm: Vector) -> tuple[int, float, float] | None:
        """(slice, row, column) of an LPS point: the nearest slice and the place in it.

        None when the point is in no slice's reach (half a gap to each side) or off the matrix.
        """
        point = np.asarray(point_mm, dtype=np.float64)
        along = self.origins @ self.normal
        here = float(point @ self.normal)
        nearest = int(np.abs(along - here).argmin())
        if abs(along[nearest] - here) > self._reach_mm(nearest, above=here > along[nearest]) + 1e-6:
            return None
        offset = point - self.origins[nearest]
        row = float(offset @ self.along_column) / self.pixel_mm[0]
        column = float(offset @ self.along_row) / self.pixel_mm[1]
        if not (-0.5 <= row < self.rows - 0.5 and -0.5 <= column < self.columns - 0.5):
            return None
        return nearest, row, column

    def _reach_mm(self, index: int, *, above: bool) -> float:
        spacing = self.spacing_mm
        if len(spacing) == 0:
            return 0.5
        nearest = index if above else index - 1
        return float(spacing[min(max(nearest, 0), len(spacing) - 1)]) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Values and their place: shape and geometry agree.

    Attributes:
        values: (D, H, W); int16 HU for a CT.
        geometry: where they lie; None for images without positions (then nothing is said in mm, left or right).
    """

    values: HU
    geometry: Geometry | None

    def __post_init__(self) -> None:
        if self.geometry is not None and self.values.shape != self.geometry.shape:
            raise ValueError(f"values have shape {self.values.shape}; the geometry says {self.geometry.shape}")


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One series, assembled and checked, ready to be prepared for a network.

    Attributes:
        series: identifiers and acquisition facts.
        source: where the files lie.
        slices: one record per slice, foot to head.
        volume: Hounsfield units and their place.
        warnings: what a reader of the result should know.
        refusal: why it must not be read; None when it may.
        excluded: files of this series that are not part of the volume, and why (a scout, a broken slice).
    """

    series: Series
    source: Source
    slices: tuple[Slice, ...]
    volume: Volume
    warnings: tuple[Remark, ...] = ()
    refusal: Refusal | None = None
    excluded: tuple[Refusal, ...] = ()

    @property
    def wholly_covered(self) -> bool:
        """Whether every slice of the head that should be there is there; only then may "negative" be said."""
        return not any(warning.code in INCOMPLETE for warning in self.warnings)

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the slices, each once, foot to head."""
        return tuple(dict.fromkeys(one.file for one in self.slices))

    @property
    def status(self) -> Status:
        """Eligible, eligible with warnings, or not eligible."""
        if self.refusal is not None:
            return Status.NOT_ELIGIBLE
        return Status.WITH_WARNINGS if self.warnings else Status.ELIGIBLE
