"""Volumes cut along planes of the patient, and planes turned the way a radiologist looks at them.

| planes | come | rows grow towards | columns grow towards |
|---|---|---|---|
| axial | from the feet to the head (S) | P | L |
| coronal | from the front backwards (P) | I | L |
| sagittal | from the patient's right to the left (L) | I | P |

So the same patient gives the same planes from DICOM and from NIfTI (whose canonical axes grow to S, A and R), and the
patient's left is on the viewer's right. Only whole axes are swapped or turned over, to the nearest ones of the patient
where a volume is oblique, and the affine says so: no voxel moves in the patient.

The plane that a volume was acquired in is told from its geometry alone, since a NIfTI file does not know it: an axis of
one voxel is the slice axis; else the one whose spacing differs from that of the two others, which are alike; where all
are alike it is the axial one, where all differ the widest. Spacings within 0.1 % of each other are alike. A series
whose slices are unevenly spaced says itself how it was cut.

Another plane than the acquired one cuts across slices, which have to lie on a regular grid for that: tilted and
unevenly spaced ones are put on one first (`data/resample.py`), in memory of the volume's size.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.data.geometry import orientation_letters, spacing_of
from medtransfer.data.places import Axis
from medtransfer.data.resample import regular

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

Slices = Literal["acquired", "axial", "coronal", "sagittal", "triplanar"]

_WANTED: Final[dict[Axis, str]] = {"axial": "SPL", "coronal": "PIL", "sagittal": "LIP"}
_AXIS: Final[dict[str, Axis]] = {
    "S": "axial", "I": "axial", "A": "coronal", "P": "coronal", "L": "sagittal", "R": "sagittal",
}  # fmt: skip
_OPPOSITE: Final = dict(zip("RASLPI", "LPIRAS", strict=True))

ALIKE: Final = 1e-3
"""Spacings that differ by less than this share are alike: headers round them."""


def cuts(scan: Scan, slices: Slices) -> tuple[tuple[Axis, Scan], ...]:
    """The views that are asked for, each as its plane and a scan whose first axis counts its slices.

    What cannot be cut stays as it is: a picture, a volume of one slice (both turned as in the table where their place
    is known), and frames.

    Raises:
        ReadError: `OrientationUnknown`: the file does not say how a volume lies in the patient; `BadGeometry`: its rows
            and columns are not perpendicular, so that only the acquired planes can be had.
    """
    if scan.affine is None:
        if scan.kind == "volume" and slices != "acquired" and len(scan.voxels) > 1:
            raise ReadError(
                f"does not say how it lies in the patient: there are no {slices} planes to cut",
                code="OrientationUnknown",
                path=scan.path,
                hint='Add the orientation to its header, or use preprocess.slices = "acquired".',
            )
        return (("", scan),)
    turned, own = acquired(scan)
    if scan.kind != "volume" or len(turned.voxels) == 1 or slices in {"acquired", own}:
        return ((own, turned),)
    planes: list[Axis] = [plane for plane in _WANTED if slices in {plane, "triplanar"}]
    across = regular(turned)
    return tuple((plane, turned if plane == own else _turned(across, plane)) for plane in planes)


def acquired(scan: Scan) -> tuple[Scan, Axis]:
    """The scan cut in the plane that it was acquired in, and which plane that is; empty where nobody knows."""
    if scan.affine is None:
        return scan, ""
    axis = _AXIS[orientation_letters(scan.affine)[_slice_axis(scan)]]
    return _turned(scan, axis), axis


def as_read(scan: Scan) -> Scan:
    """The scan with its planes turned as in the table, cut along the axis that it has; itself where it lies so."""
    return scan if scan.affine is None else _turned(scan, _AXIS[orientation_letters(scan.affine)[0]])


def _slice_axis(scan: Scan) -> int:
    """The axis of the voxels that counts acquired slices."""
    if scan.kind == "picture" or scan.positions is not None or scan.affine is None:
        return 0
    lone = [axis for axis in range(3) if scan.voxels.shape[axis] == 1]
    if len(lone) == 1:
        return lone[0]
    spacing = spacing_of(scan.affine)
    if _gap(min(spacing), max(spacing)) <= ALIKE:
        letters = orientation_letters(scan.affine)
        return next(axis for axis in range(3) if _AXIS[letters[axis]] == "axial")
    gaps = [_gap(*(spacing[axis] for axis in range(3) if axis != odd)) for odd in range(3)]
    return int(np.argmin(gaps)) if min(gaps) <= ALIKE else int(np.argmax(spacing))


def _gap(one: float, other: float) -> float:
    """By which share the larger of two spacings exceeds the smaller."""
    return max(one, other) / max(min(one, other), np.finfo(np.float64).tiny) - 1


def _turned(scan: Scan, plane: Axis) -> Scan:
    """The scan with its axes in the order and directions of the table; itself where its place is not known."""
    if scan.affine is None:
        return scan
    wanted, found = _WANTED[plane], orientation_letters(scan.affine)
    if found == wanted:
        return scan
    voxels = scan.voxels[np.newaxis] if scan.kind == "picture" else scan.voxels
    order = [next(a for a in range(3) if letter in {found[a], _OPPOSITE[found[a]]}) for letter in wanted]
    voxels = voxels.transpose(*order, *range(3, voxels.ndim))
    affine = scan.affine[:, [*order, 3]]
    positions = scan.positions
    for axis in (1, 2, 0):
        if found[order[axis]] == wanted[axis]:
            continue
        voxels = np.flip(voxels, axis)
        shift = affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, 3] += shift
        affine[:3, axis] *= -1
        if positions is not None:
            positions = positions[::-1] if axis == 0 else positions + shift
    return replace(scan, voxels=voxels[0] if scan.kind == "picture" else voxels, affine=affine, positions=positions)
