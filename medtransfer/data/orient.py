"""Slices turned the way a radiologist looks at them, whatever axes their file was written in.

| the slice axis is nearest to | rows grow towards | columns grow towards |
|---|---|---|
| S or I (axial) | P | L |
| A or P (coronal) | I | L |
| R or L (sagittal) | I | P |

So the same patient gives the same picture from DICOM and from NIfTI (whose canonical axes grow to S, A and R), and the
patient's left is on the viewer's right. Only whole axes are swapped or turned over, and the affine says so: no voxel
moves in the patient.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.data.geometry import orientation_letters

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

_WANTED: Final = {"S": "PL", "I": "PL", "A": "IL", "P": "IL", "R": "IP", "L": "IP"}
_OPPOSITE: Final = dict(zip("RASLPI", "LPIRAS", strict=True))


def as_read(scan: Scan) -> Scan:
    """The scan with its planes turned as in the table; itself where it lies so already, or its place is not known."""
    if scan.affine is None:
        return scan
    slices, *found = orientation_letters(scan.affine)
    wanted = _WANTED[slices]
    if "".join(found) == wanted:
        return scan
    first = 0 if scan.kind == "picture" else 1
    voxels, affine = scan.voxels, scan.affine.copy()
    if found[0] not in {wanted[0], _OPPOSITE[wanted[0]]}:
        voxels, affine = np.swapaxes(voxels, first, first + 1), affine[:, [0, 2, 1, 3]]
        found = [found[1], found[0]]
    start = affine[:3, 3].copy()
    for axis in (0, 1):
        if found[axis] != wanted[axis]:
            voxels = np.flip(voxels, first + axis)
            affine[:3, 3] += affine[:3, axis + 1] * (voxels.shape[first + axis] - 1)
            affine[:3, axis + 1] *= -1
    positions = None if scan.positions is None else scan.positions + (affine[:3, 3] - start)
    return replace(scan, voxels=voxels, affine=affine, positions=positions)
