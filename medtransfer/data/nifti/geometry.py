"""Where the voxels of a NIfTI file lie, and how its axes are turned to run along the patient's.

    sform   (x, y, z) = S · (i, j, k, 1)                         where sform_code > 0
    qform   (x, y, z) = R(b, c, d) · (Δi i, Δj j, q Δk k) + t    else, where qform_code > 0
    none    nothing is known of left and right                   else

x grows to the right, y to the front, z to the head (RAS+), in units that `xyzt_units` names; here always millimetres.

Canonical axes: the file's axis that runs most nearly along z becomes `slice` and grows to the head, the one along y
`row` and grows to the front, the one along x `column` and grows to the right. Nothing is interpolated: axes are
reordered and turned round, and the affine with them, so that every voxel stays where it was. In a picture the axis of
length one is `slice`, and the other two keep the order z, y, x.

Reference: nifti1.h, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE", methods 2 and 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float64

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Affine

if TYPE_CHECKING:
    from pathlib import Path

    from nibabel.nifti1 import Nifti1Header

    from medtransfer.data.nifti.header import Header

TO_MILLIMETRES: Final = {1: 1000.0, 2: 1.0, 3: 0.001}
"""Spatial unit in the lowest three bits of `xyzt_units` → millimetres: metre, millimetre, micrometre."""

DISAGREEMENT: Final = 0.1
"""sform and qform disagree where they put a corner further apart than this share of the smallest spacing."""

SPACING_DISAGREEMENT: Final = 0.01
"""pixdim and sform disagree where a spacing differs by more than this share."""

_FLAT = 1e-6
"""Smallest volume of the parallelepiped that three unit axes may span."""

_SMALLEST, _LARGEST = 1e-9, 1e9
"""Spacings and positions beyond these are no lengths in a patient, in whatever unit."""

_NORM_TOLERANCE = 1e-5
"""By so much the squared norm of (b, c, d) may exceed 1: a half turn, rounded to single precision."""

_HALF_TURN = 1e-7
"""Where a² would be less it is rounding only, and a is 0. Reference: nifti1_io.c, `nifti_quatern_to_mat44`."""


Steps = Float64[np.ndarray, " 3"]
"""A length for each of i, j, k."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the voxels of a file lie.

    Attributes:
        affine: (i, j, k, 1) → RAS+ millimetres, or None where the file does not say.
        spacing: Millimetres between voxels along i, j, k.
        letters: What i, j, k grow most nearly towards, of `R L A P S I`; empty where unknown.
    """

    affine: Affine | None
    spacing: tuple[float, float, float]
    letters: str


@dataclass(frozen=True, kw_only=True)
class Turn:
    """How the file's axes become canonical ones.

    Attributes:
        axes: For slice, row and column: the axis of the array `k j i` that it is.
        reversed: For slice, row and column: whether it runs the other way.
        affine: (slice, row, column, 1) → RAS+ millimetres, or None where the file does not say.
    """

    axes: tuple[int, int, int]
    reversed: tuple[bool, bool, bool]
    affine: Affine | None


def placement_of(header: Header, path: Path, notes: list[str]) -> Placement:
    """Take the geometry of a header, in millimetres.

    Smaller conflicts are noted as `GeometryDisagreement`, and the sform holds; a unit that is not known is taken for
    millimetres (`UnitUnknown`); without sform and qform there is no affine (`NoOrientation`).

    Raises:
        ReadError: `BadGeometry`: a spacing that is not positive, an affine that is singular or not finite, or a
            quaternion longer than 1; `GeometryConflict`: sform and qform differ in handedness, so that one of them
            swaps left and right.
    """
    from nibabel.orientations import aff2axcodes

    fields = header.fields
    unit = _unit(fields, notes)
    declared = _declared_spacing(fields, header.axes, path)
    with np.errstate(all="ignore"):
        qform = _checked(_qform(fields, declared, path), "qform", path) if int(fields["qform_code"]) > 0 else None
        sform = _checked(_sform(fields), "sform", path) if int(fields["sform_code"]) > 0 else None
    if qform is not None and sform is not None:
        _compare(qform, sform, header.shape, path, notes)
    affine = qform if sform is None else sform
    if affine is None:
        notes.append("NoOrientation: neither sform nor qform is given")
        return Placement(affine=None, spacing=_three(declared * unit), letters="")
    spacing = _lengths(affine)
    if qform is None and (abs(spacing - declared) > SPACING_DISAGREEMENT * declared)[: header.axes].any():
        notes.append(f"GeometryDisagreement: spacing is {_shown(spacing)} by the sform, {_shown(declared)} by pixdim")
    affine[:3] *= unit
    return Placement(affine=affine, spacing=_three(spacing * unit), letters="".join(map(str, aff2axcodes(affine))))


def turn_to_canonical(placement: Placement, shape: tuple[int, int, int]) -> Turn:
    """How an array `k j i` becomes `slice row column`.

    Args:
        placement: Where the voxels lie.
        shape: Voxels along i, j, k.
    """
    from nibabel.orientations import io_orientation

    first = slice_axis(shape)
    if placement.affine is None:
        order = [2, 1, 0]
        signs = [1, 1, 1]
    else:
        world_axis, sign = io_orientation(placement.affine).astype(int).T.tolist()
        order = [world_axis.index(axis) for axis in (2, 1, 0)]
        signs = [sign[axis] for axis in order]
    if first is not None:
        places = sorted(range(3), key=lambda place: order[place] != first)
        order, signs = [order[place] for place in places], [signs[place] for place in places]
    return Turn(
        axes=(2 - order[0], 2 - order[1], 2 - order[2]),
        reversed=(signs[0] < 0, signs[1] < 0, signs[2] < 0),
        affine=None if placement.affine is None else _turned(placement.affine, order, signs, shape),
    )


def slice_axis(shape: tuple[int, int, int]) -> int | None:
    """The axis of i, j, k of which there is only one slice: k if it may be, else j, else i; None for a volume."""
    return next((axis for axis in (2, 1, 0) if shape[axis] == 1), None)


def _turned(affine: Affine, order: list[int], signs: list[int], shape: tuple[int, int, int]) -> Affine:
    turned = np.eye(4)
    turned[:3, 3] = affine[:3, 3]
    for place, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        turned[:3, place] = sign * affine[:3, axis]
        if sign < 0:
            turned[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
    return turned


def _unit(fields: Nifti1Header, notes: list[str]) -> float:
    code = int(fields["xyzt_units"]) & 7
    if code not in TO_MILLIMETRES:
        notes.append(f"UnitUnknown: spatial unit {code} is taken for millimetres")
    return TO_MILLIMETRES.get(code, 1.0)


def _declared_spacing(fields: Nifti1Header, axes: int, path: Path) -> Steps:
    """`pixdim[1…3]`; 1 for an axis that the file does not have."""
    spacing = np.ones(3)
    spacing[:axes] = fields["pixdim"][1 : axes + 1]
    if not ((spacing >= _SMALLEST) & (spacing <= _LARGEST)).all():
        raise _bad(f"pixdim says that the spacing is {_shown(spacing[:axes])}", path)
    return spacing


def _qform(fields: Nifti1Header, spacing: Steps, path: Path) -> Affine:
    """R(a, b, c, d) with a = √(1 − b² − c² − d²); the k axis is turned round where pixdim[0] < 0.

    The quaternion is made a unit one again: in single precision a half turn is a little off it.
    """
    from nibabel.quaternions import quat2mat

    b, c, d, x, y, z = (
        float(fields[name]) for name in ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
    )
    square = b * b + c * c + d * d
    if not square <= 1 + _NORM_TOLERANCE:
        raise _bad(f"the quaternion of the qform has b² + c² + d² = {square:g}; it cannot exceed 1", path)
    affine = np.eye(4)
    a = 0.0 if 1 - square < _HALF_TURN else math.sqrt(1 - square)
    affine[:3, :3] = quat2mat(np.array([a, b, c, d])) * spacing
    if float(fields["pixdim"][0]) < 0:
        affine[:3, 2] *= -1
    affine[:3, 3] = x, y, z
    return affine


def _sform(fields: Nifti1Header) -> Affine:
    rows = [np.asarray(fields[name], dtype=np.float64) for name in ("srow_x", "srow_y", "srow_z")]
    return np.vstack([*rows, [0.0, 0.0, 0.0, 1.0]])


def _checked(affine: Affine, name: str, path: Path) -> Affine:
    lengths = _lengths(affine)
    if not (np.abs(affine) <= _LARGEST).all():
        raise _bad(f"the {name} holds numbers that are no lengths: {affine[:3].tolist()}", path)
    if not ((lengths >= _SMALLEST).all() and abs(np.linalg.det(affine[:3, :3] / lengths)) > _FLAT):
        raise _bad(f"the {name} is singular: {affine[:3, :3].tolist()}", path)
    return affine


def _compare(qform: Affine, sform: Affine, shape: tuple[int, int, int], path: Path, notes: list[str]) -> None:
    if (np.linalg.det(_directions(qform)) > 0) != (np.linalg.det(_directions(sform)) > 0):
        raise ReadError(
            "sform and qform differ in handedness: one of them swaps left and right",
            code="GeometryConflict",
            path=path,
            hint="Find out which is right, and set the other one's code to 0.",
        )
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * [*(n - 1 for n in shape), 1]
    apart = float(np.linalg.norm((corners @ (qform - sform).T)[:, :3], axis=1).max())
    if apart > DISAGREEMENT * float(_lengths(sform).min()):
        notes.append(
            f"GeometryDisagreement: sform and qform put a corner {apart:.3g} units apart, and the sform holds; "
            f"spacing {_shown(_lengths(sform))} and {_shown(_lengths(qform))}"
        )


def _lengths(affine: Affine) -> Steps:
    return np.linalg.norm(affine[:3, :3], axis=0)


def _directions(affine: Affine) -> np.ndarray:
    return affine[:3, :3] / _lengths(affine)


def _three(values: Steps) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _shown(values: np.ndarray) -> str:
    return " × ".join(f"{value:g}" for value in values)


def _bad(message: str, path: Path) -> ReadError:
    return ReadError(message, code="BadGeometry", path=path, hint="Export or convert the image again from its source.")
