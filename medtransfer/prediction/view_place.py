"""Where the voxels of a view lie: letters at its ends, millimetres, and whether it can be cut across its slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float64

from medtransfer.data.geometry import is_orthogonal, spacing_of

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

Ends = tuple[str, str]
"""Letters at the first and at the last index of an axis, as DICOM's PatientOrientation has them; empty: unknown."""

_OBLIQUE: Final = float(np.sin(np.radians(15)))
"""A direction that makes up less than this of an axis is not named: nobody reads `LAH` off an axial slice."""

_LETTERS: Final = (("L", "R"), ("P", "A"), ("F", "H"))
_OPPOSITE: Final = str.maketrans("APRLHF", "PALRFH")


def ends_of(scan: Scan) -> tuple[Ends, Ends, Ends]:
    """What stands at both ends of the slice, the row and the column axis; `LA` where an axis is oblique."""
    if scan.affine is not None:
        slices, rows, columns = (_towards(scan.affine[:3, axis]) for axis in range(3))
    else:
        slices, (rows, columns) = "", scan.directions
    return _both(slices), _both(rows), _both(columns)


def spacing(scan: Scan) -> tuple[tuple[float, float, float] | None, str]:
    """Millimetres from slice to slice, row to row, column to column, and where they hold.

    A projection has one plane, whose distance to the next is said to be 1.
    """
    if scan.affine is not None:
        return spacing_of(scan.affine), "patient"
    if scan.pixel_size is not None:
        return (1.0, *scan.pixel_size), scan.pixel_size_at
    return None, ""


def why_no_mpr(scan: Scan) -> str:
    """Why planes across the slices are not shown; empty where they are."""
    if scan.kind == "frames":
        return "Frames have no known place in the patient, so that there are no planes across them."
    if scan.kind == "picture" or len(scan.voxels) < 2:
        return "There is one plane only."
    if scan.affine is None:
        return "The file does not say how its slices lie in the patient."
    if scan.positions is not None:
        return "The slices are unevenly spaced: planes across them would be distorted."
    if not is_orthogonal(scan.affine):
        return "The slices are sheared, as by a tilted gantry: planes across them would be distorted."
    return ""


def _towards(direction: Float64[np.ndarray, " 3"]) -> str:
    """The letters of a direction in RAS+, the largest share first."""
    cosines = direction / max(float(np.linalg.norm(direction)), np.finfo(np.float64).tiny)
    named = [axis for axis in np.argsort(-np.abs(cosines), kind="stable") if abs(cosines[axis]) >= _OBLIQUE]
    return "".join(_LETTERS[axis][int(cosines[axis] > 0)] for axis in named)


def _both(towards: str) -> Ends:
    return towards.translate(_OPPOSITE), towards
