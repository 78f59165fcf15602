"""Where a single slice lies in the patient.

DICOM gives positions in LPS+ millimetres: for row r and column c

    p = ImagePositionPatient + c · Δcolumn · X + r · Δrow · Y,   Δrow, Δcolumn = PixelSpacing

with X, Y the first and second three numbers of ImageOrientationPatient; the slice axis is X × Y times
the slice thickness. Negating the first two coordinates turns LPS+ into RAS+. Reference: PS3.3 C.7.6.2.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtransfer.core.types import Affine
from medtransfer.data.loaders._dicom_tags import text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


CROSS_SECTIONAL = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities whose images are slices that lie somewhere in the patient."""

_TOLERANCE = 1e-3
_KEYWORDS = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness")
_COUNTS = (3, 6, 2, 1)


def slice_affine(dataset: Dataset, notes: list[str]) -> Affine | None:
    """(slice, row, column, 1) → RAS+ millimetres of one slice; None for projections.

    None, too, where the geometry is missing or impossible, with a note that says which: zero spacing,
    axes that are not perpendicular unit vectors, values that are not finite.
    """
    if text(dataset, "Modality") not in CROSS_SECTIONAL:
        return None
    found = [_numbers(dataset, keyword, count) for keyword, count in zip(_KEYWORDS, _COUNTS, strict=True)]
    absent = [keyword for keyword, values in zip(_KEYWORDS, found, strict=True) if values is None]
    if absent:
        notes.append(f"GeometryMissing: {', '.join(absent)}")
        return None
    position, orientation, spacing, thickness = (np.asarray(values) for values in found)
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.array([np.linalg.norm(along_row), np.linalg.norm(along_column)])
    if min(*spacing, *thickness) <= 0:
        notes.append("BadGeometry: PixelSpacing and SliceThickness must be positive")
        return None
    if np.abs(lengths - 1).max() > _TOLERANCE or abs(along_row @ along_column) > _TOLERANCE:
        notes.append("BadGeometry: ImageOrientationPatient is not two perpendicular unit vectors")
        return None
    affine = np.eye(4)
    affine[:3, 0] = np.cross(along_row, along_column) * thickness[0]
    affine[:3, 1] = along_column * spacing[0]
    affine[:3, 2] = along_row * spacing[1]
    affine[:3, 3] = position
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _numbers(dataset: Dataset, keyword: str, count: int) -> list[float] | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    try:
        numbers = [float(part) for part in value] if count > 1 else [float(value)]
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None
