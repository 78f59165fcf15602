"""What an affine says: where its axes point, how far apart voxels are, what stands at the edges of a picture.

Affines take (slice, row, column, 1) to RAS+ millimetres. Letters name what an index grows towards: R, A, S where a
coordinate grows, L, P, I where it falls. The edges of a picture carry the letters of DICOM's PatientOrientation, which
says H (head) and F (feet) for S and I. Reference: DICOM PS3.3 C.7.6.1.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.types import Affine

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

UPRIGHT: Final = float(np.sin(np.radians(0.1)))
"""Axes within 0.1° of a right angle are perpendicular, as for `dicom/layout`."""

_GROWING, _FALLING = "RAS", "LPI"
_OPPOSITE: Final = str.maketrans("APRLHF", "PALRFH")
_EDGE: Final = str.maketrans("SI", "HF")


def spacing_of(affine: Affine) -> tuple[float, float, float]:
    """Millimetres from one slice, row and column to the next, along the axes: between tilted slices, not across."""
    slices, rows, columns = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return slices, rows, columns


def orientation_letters(affine: Affine) -> str:
    """What slice, row and column indices grow towards, such as `SPL`.

    Each direction of the patient is used once: of all pairs of axis and direction the closest is named first, then the
    closest of those left, so that an oblique volume has three letters, too.
    """
    cosines = affine[:3, :3] / np.maximum(np.linalg.norm(affine[:3, :3], axis=0), np.finfo(np.float64).tiny)
    left = np.abs(cosines)
    letters = ["", "", ""]
    for _ in range(3):
        world, axis = (int(index) for index in np.unravel_index(left.argmax(), left.shape))
        letters[axis] = (_GROWING if cosines[world, axis] > 0 else _FALLING)[world]
        left[world, :] = left[:, axis] = -1.0
    return "".join(letters)


def is_orthogonal(affine: Affine) -> bool:
    """True where slice, row and column axes are perpendicular to each other: nothing is sheared."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() <= UPRIGHT)


def edge_letters(scan: Scan) -> tuple[str, str, str, str]:
    """Letters at the top, right, bottom and left edge of a plane as it is shown: rows downwards, columns to the right.

    From the affine; for projections from PatientOrientation (`Scan.directions`). Empty where neither is known.
    """
    if scan.affine is not None:
        _, down, right = orientation_letters(scan.affine).translate(_EDGE)
    else:
        down, right = scan.directions
    return down.translate(_OPPOSITE), right, down, right.translate(_OPPOSITE)
