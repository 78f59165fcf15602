"""From the planes of DICOM to world coordinates of this project.

DICOM gives positions in LPS+ millimetres: for row r and column c

    p = ImagePositionPatient + c · Δcolumn · X + r · Δrow · Y,   Δrow, Δcolumn = PixelSpacing

with X, Y the first and second three numbers of ImageOrientationPatient. Negating the first two coordinates turns LPS+
into RAS+. The slice axis of a stack is ΔIPP, the mean step from one first voxel to the next: along the normal where
the gantry was upright, beside it where it was tilted. Reference: PS3.3 C.7.6.2.1.1.
"""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.types import Affine, Positions
from medtransfer.data.dicom.layout import normal_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.data.dicom.planes import Plane

LPS_TO_RAS: Final = np.array([-1.0, -1.0, 1.0])

UNIT_TOLERANCE: Final = 1e-3
"""Direction cosines are written with as few as four digits, and an error of 10⁻³ moves the far corner of a 512² picture
by half a pixel: rounding passes, wrong axes do not."""


def geometry_problem(plane: Plane) -> str:
    """Why spacing, orientation and position say nothing sensible; empty where they do."""
    if not all(map(isfinite, plane.position or ())):
        return "ImagePositionPatient holds no finite numbers"
    return _axes_problem(plane.orientation or (), plane.spacing or ())


@lru_cache(maxsize=64)
def _axes_problem(directions: tuple[float, ...], steps: tuple[float, ...]) -> str:
    """The part that the planes of a series share."""
    orientation, spacing = np.asarray(directions, dtype=np.float64), np.asarray(steps, dtype=np.float64)
    for name, values in (("ImageOrientationPatient", orientation), ("PixelSpacing", spacing)):
        if not np.isfinite(values).all():
            return f"{name} holds no finite numbers"
    if spacing.min() <= 0:
        return f"PixelSpacing is {spacing[0]:g} × {spacing[1]:g} mm"
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if max(abs(length - 1) for length in lengths) > UNIT_TOLERANCE or abs(along_row @ along_column) > UNIT_TOLERANCE:
        shown = ", ".join(f"{value:g}" for value in orientation)
        return f"ImageOrientationPatient ({shown}) is not two perpendicular unit vectors"
    return ""


def affine_of(planes: Sequence[Plane], notes: list[str]) -> Affine:
    """(slice, row, column, 1) → RAS+ millimetres of planes in the order of their position.

    The slice axis of a single plane is its normal, as long as the slice is thick; else as slices are apart; else 1 mm,
    with the note `ThicknessMissing`.
    """
    first, last = planes[0], planes[-1]
    orientation = np.asarray(first.orientation, dtype=np.float64)
    spacing = first.spacing or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, 0] = _slice_step(first, last, len(planes), notes)
    affine[:3, 1] = orientation[3:] * spacing[0]
    affine[:3, 2] = orientation[:3] * spacing[1]
    affine[:3, 3] = first.position or ()
    affine[:3] *= LPS_TO_RAS[:, None]
    affine += 0.0  # no negative zeros
    return affine


def positions_of(planes: Sequence[Plane]) -> Positions:
    """RAS+ millimetres of each plane's first voxel."""
    return np.array([plane.position for plane in planes], dtype=np.float64) * LPS_TO_RAS


def _slice_step(first: Plane, last: Plane, count: int, notes: list[str]) -> np.ndarray:
    if count > 1:
        return (np.asarray(last.position) - np.asarray(first.position)) / (count - 1)
    lengths = [abs(length) for length in (first.thickness, first.between) if length and np.isfinite(length)]
    if not lengths:
        notes.append("ThicknessMissing: the slice is taken to be 1 mm thick")
    return normal_of(first.orientation or ()) * (lengths[0] if lengths else 1.0)
