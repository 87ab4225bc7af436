"""Where a NIfTI array lies in the patient: RAS turned to LPS, storage axes to slices, rows and columns.

Only axes are exchanged and turned round, so every voxel keeps its value; and the way back is the same step undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from bregma.io.nifti_header import Header, Nifti
from bregma.scan.errors import RefusedError
from bregma.scan.study import Remark
from bregma.scan.volume import Geometry, Vector

Array = NDArray[Any]

RAS_TO_LPS = np.array([[-1.0], [-1.0], [1.0]])
"""NIfTI counts to the right and to the front, DICOM to the left and to the back; both up to the head."""
SQUARE = 0.005
"""Cosine up to which rows and columns count as at right angles."""
FLAT = 0.2
"""Volume of the cell of unit steps below which an affine has no inside (a tilt of 40 degrees leaves 0.77)."""
PIXEL_MM = (0.05, 10.0)
SLICE_MM = (0.05, 50.0)
MAX_NUMBER = 1e9
"""Greater numbers stand in no affine, not even in one of microns."""
DISAGREE_MM = 1.0
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}

CODES = {
    "bad_affine": "The NIfTI affine is not finite, is flat, or has voxels of an impossible size.",
    "sheared_pixels": "Rows and columns are not at right angles; the image would have to be resampled first.",
    "sform_qform_disagree": "The two positions of a NIfTI header differ by more than a millimetre; the sform is used.",
    "unit_assumed": "The header gives lengths in a unit other than the millimetre.",
}
"""Codes of refusal and warning used here, with their meaning."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which storage axis becomes slices, rows and columns, and which are turned round.

    Attributes:
        axes: storage axis (0..2 for I, J, K) of slices, rows, columns.
        turned: whether slices, rows, columns run against the storage axis.
    """

    axes: tuple[int, int, int]
    turned: tuple[bool, bool, bool]

    def apply(self, stored: Array) -> Array:
        """(I, J, K) as stored to (D, H, W); a view."""
        return stored.transpose(self.axes)[self._steps()]

    def undo(self, values: Array) -> Array:
        """(D, H, W) back to (I, J, K) as stored; a view."""
        back = np.argsort(self.axes)
        return values[self._steps()].transpose(tuple(int(axis) for axis in back))

    def _steps(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1) if turned else slice(None) for turned in self.turned)


AS_STORED = Arrangement((2, 1, 0), (False, False, False))
"""K slices of J rows of I columns: how NIfTI files converted from axial DICOM are stored, rows perhaps upside down."""


def place(header: Header) -> tuple[Arrangement, Geometry | None, tuple[Remark, ...]]:
    """How to arrange a NIfTI array foot to head, rows to the back, columns to the left, and where it then lies.

    A volume that is stored in sagittal or coronal order is turned to axial slices; a single slice stays as it is.

    Returns:
        the arrangement, the geometry in LPS mm (None without orientation), and what is doubtful.

    Raises:
        RefusedError: the position is impossible ("bad_affine", "sheared_pixels").
    """
    affine, remarks = _affine_lps(header)
    if affine is None:
        return AS_STORED, None, tuple(remarks)
    affine, unit = _in_mm(affine, int(header.nifti["xyzt_units"]) & 7)
    arrangement = _arrange(affine[:, :3], header.shape)
    return arrangement, _geometry(affine, header.shape, arrangement), (*remarks, *unit)


def _affine_lps(header: Header) -> tuple[Vector | None, list[Remark]]:
    """(3, 4) storage index to LPS, in the header's unit."""
    nifti = header.nifti
    sform = np.asarray(nifti.get_sform(), dtype=np.float64)[:3] if int(nifti["sform_code"]) > 0 else None
    qform = _qform(nifti) if int(nifti["qform_code"]) > 0 else None
    if sform is None and int(nifti["qform_code"]) > 0 and qform is None:
        raise RefusedError("bad_affine", "the NIfTI qform holds no rotation; set the sform")
    chosen = qform if sform is None else sform
    if chosen is None:
        reason = "the NIfTI header gives no orientation (sform and qform codes are 0): no left, right or millimetres"
        return None, [Remark("no_orientation", reason)]
    if not _is_sane(chosen):
        raise RefusedError(
            "bad_affine", f"the NIfTI affine holds numbers that no scanner means, such as {_worst(chosen):g}"
        )
    remarks = _disagreement(sform, qform, header.shape) if sform is not None and qform is not None else []
    return chosen * RAS_TO_LPS, remarks


def _qform(nifti: Nifti) -> Vector | None:
    try:
        with np.errstate(all="ignore"):
            qform = np.asarray(nifti.get_qform(), dtype=np.float64)[:3]
    except (HeaderDataError, ValueError):
        return None
    return qform if _is_sane(qform) else None


def _is_sane(affine: Vector) -> bool:
    return bool((np.abs(affine) < MAX_NUMBER).all())


def _worst(affine: Vector) -> float:
    return float(affine.flat[int(np.argmax(np.where(np.isfinite(affine), np.abs(affine), np.inf)))])


def _disagreement(sform: Vector, qform: Vector, shape: tuple[int, int, int]) -> list[Remark]:
    corners = np.array([(i, j, k, 1) for i in (0, shape[0]) for j in (0, shape[1]) for k in (0, shape[2])], dtype=float)
    apart = float(np.linalg.norm(corners @ (sform - qform).T, axis=1).max())
    if apart <= DISAGREE_MM:
        return []
    mirrored = np.linalg.det(sform[:, :3]) * np.linalg.det(qform[:, :3]) < 0
    mirror = "; they even disagree on left and right" if mirrored else ""
    reason = f"sform and qform of the NIfTI header lie up to {apart:.1f} mm apart; the sform is used{mirror}"
    return [Remark("sform_qform_disagree", reason)]


def _in_mm(affine: Vector, unit: int) -> tuple[Vector, tuple[Remark, ...]]:
    sides = np.linalg.norm(affine[:, :3], axis=0)
    for scale in (_MM_PER_UNIT.get(unit, 1.0), 1.0):
        if (sides * scale > PIXEL_MM[0]).all() and (sides * scale < SLICE_MM[1]).all():
            remark = Remark(
                "unit_assumed", f"the NIfTI header's unit is no. {unit}; lengths were taken times {scale:g} as mm"
            )
            return affine * scale, (remark,) if unit in (1, 3) else ()
    voxel = " x ".join(f"{side:g}" for side in sides)
    raise RefusedError(
        "bad_affine", f"the NIfTI affine makes voxels of {voxel}; expected millimetres between 0.05 and 50"
    )


def _arrange(steps: Vector, shape: tuple[int, int, int]) -> Arrangement:
    """Axial slices, rows to the back and columns to the left where that can be had by turning axes.

    Args:
        steps: (3, 3) LPS step of each storage axis, by column.
        shape: (I, J, K).
    """
    unit = steps / np.linalg.norm(steps, axis=0)
    if abs(float(np.linalg.det(unit))) < FLAT:
        raise RefusedError("bad_affine", f"the NIfTI affine is flat (unit cell {np.linalg.det(unit):.3f})")
    single = [axis for axis in range(3) if shape[axis] == 1]
    along_z = single[0] if len(single) == 1 else int(np.abs(unit[2]).argmax())
    for slices in dict.fromkeys((along_z, 2)):
        columns, rows = (axis for axis in range(3) if axis != slices)
        if abs(float(unit[:, rows] @ unit[:, columns])) > SQUARE:
            continue
        normal = np.cross(unit[:, columns], unit[:, rows])
        if int(np.abs(normal).argmax()) != 2:
            return Arrangement((slices, rows, columns), (bool(unit[2, slices] < 0), False, False))
        if abs(unit[1, columns]) > abs(unit[1, rows]):
            rows, columns = columns, rows
        turned = (bool(unit[2, slices] < 0), bool(unit[1, rows] < 0), bool(unit[0, columns] < 0))
        return Arrangement((slices, rows, columns), turned)
    raise RefusedError(
        "sheared_pixels", "rows and columns of the NIfTI image are not at right angles; resample it first"
    )


def _geometry(affine: Vector, shape: tuple[int, int, int], arrangement: Arrangement) -> Geometry:
    origin = affine[:, 3].copy()
    steps: list[Vector] = []
    for axis, turned in zip(arrangement.axes, arrangement.turned, strict=True):
        step = affine[:, axis]
        if turned:
            origin = origin + (shape[axis] - 1) * step
            step = -step
        steps.append(step)
    slices, rows, columns = (shape[axis] for axis in arrangement.axes)
    row_mm, column_mm = float(np.linalg.norm(steps[1])), float(np.linalg.norm(steps[2]))
    if max(row_mm, column_mm) > PIXEL_MM[1]:
        raise RefusedError("bad_affine", f"the NIfTI pixels are {row_mm:g} x {column_mm:g} mm; expected at most 10 mm")
    return Geometry(
        rows=rows,
        columns=columns,
        origins=origin + np.arange(slices)[:, None] * steps[0],
        along_row=steps[2] / column_mm,
        along_column=steps[1] / row_mm,
        pixel_mm=(row_mm, column_mm),
    )
