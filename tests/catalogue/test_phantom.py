"""A marker in the patient is found at the same millimetre, however the volume that shows it lies."""

from __future__ import annotations

import tempfile
from math import cos, pi, sin
from pathlib import Path
from typing import TYPE_CHECKING, Final

import nibabel as nib
import numpy as np
import pytest
from catalogue.control import Expected, ct_bytes
from catalogue.outcomes import outcome_of, same, values_of
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

SHAPE: Final = (6, 10, 8)
"""Slices, rows, columns."""

SPACING: Final = (2.5, 0.8, 0.6)
"""Millimetres between slices, rows, columns."""

MARKER: Final = (4, 2, 5)
"""Slice, row and column of the marker, so that no axis is symmetrical."""

PLACE: Final = np.array([12.5, -7.25, 31.0])
"""Of the marker: millimetres to the right, to the front, to the head."""

LPS_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0])
BRIGHT: Final = 3000


def turned(x: float, y: float, z: float) -> np.ndarray:
    """A rotation about the axes, degrees."""
    a, b, c = (angle * pi / 180 for angle in (x, y, z))
    about_x = np.array([[1, 0, 0], [0, cos(a), -sin(a)], [0, sin(a), cos(a)]])
    about_y = np.array([[cos(b), 0, sin(b)], [0, 1, 0], [-sin(b), 0, cos(b)]])
    about_z = np.array([[cos(c), -sin(c), 0], [sin(c), cos(c), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


ORIENTATIONS: Final = {
    "axial": np.array([[1, 0, 0], [0, 1, 0]]),
    "axial, face down": np.array([[-1, 0, 0], [0, -1, 0]]),
    "axial, mirrored rows": np.array([[-1, 0, 0], [0, 1, 0]]),
    "coronal": np.array([[1, 0, 0], [0, 0, -1]]),
    "sagittal": np.array([[0, 1, 0], [0, 0, -1]]),
    "sagittal, head first": np.array([[0, -1, 0], [0, 0, 1]]),
    "oblique": turned(20, 0, 0)[:, :2].T,
    "doubly oblique": turned(-25, 15, 35)[:, :2].T,
}
"""Direction of growing columns and of growing rows in the patient, LPS (ImageOrientationPatient)."""


def affine_of(directions: np.ndarray) -> np.ndarray:
    """(slice, row, column) → RAS+ so that the marker lies at its place. Reference: DICOM PS3.3 C.7.6.2.1.1."""
    along_columns, along_rows = np.round(directions.astype(float), 12)
    normal = np.cross(along_columns, along_rows)
    affine = np.eye(4)
    for axis, (direction, spacing) in enumerate(zip((normal, along_rows, along_columns), SPACING, strict=True)):
        affine[:3, axis] = LPS_TO_RAS @ direction * spacing
    affine[:3, 3] = PLACE - affine[:3, :3] @ MARKER
    return affine


def voxels() -> np.ndarray:
    """Every voxel another value, the marker the brightest."""
    values = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    values[MARKER] = BRIGHT
    return values


def write_series(folder: Path, directions: np.ndarray, *, seed: int = 0) -> None:
    """One file a slice; neither names nor instance numbers follow the positions."""
    order = np.random.default_rng(seed)
    names, numbers = order.permutation(SHAPE[0]), order.permutation(SHAPE[0])
    affine, values = affine_of(directions), voxels()
    for k in range(SHAPE[0]):
        content = ct_bytes(
            pixels=values[k],
            SOPInstanceUID=f"1.2.3.3.{k + 1}",
            InstanceNumber=int(numbers[k]) + 1,
            ImagePositionPatient=[_short(x) for x in LPS_TO_RAS @ (affine @ [k, 0, 0, 1])[:3]],
            ImageOrientationPatient=[_short(x) for x in directions.ravel()],
            PixelSpacing=list(SPACING[1:]),
            SliceThickness=SPACING[0],
        )
        (folder / f"{names[k]}.dcm").write_bytes(content)


def write_nifti(path: Path, directions: np.ndarray) -> None:
    """The same volume as nibabel writes it: columns, rows, slices."""
    in_nifti_order = affine_of(directions)[:, [2, 1, 0, 3]]
    nib.save(nib.Nifti1Image(voxels().transpose(2, 1, 0) - np.int16(1024), in_nifti_order), path)


def marker_of(scan: Scan) -> np.ndarray:
    """Millimetres at which the brightest voxel lies."""
    values = values_of(scan)
    assert scan.affine is not None
    assert values.max() == BRIGHT - 1024
    return (scan.affine @ [*np.unravel_index(values.argmax(), values.shape), 1])[:3]


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize("form", ["dicom", "nifti"])
def test_the_marker_lies_at_one_place(name: str, form: str, tmp_path: Path) -> None:
    if form == "dicom":
        write_series(tmp_path, ORIENTATIONS[name])
    else:
        write_nifti(tmp_path / "a.nii.gz", ORIENTATIONS[name])
    outcome = outcome_of(tmp_path)
    (scan,) = outcome.scans
    assert outcome.ledger.failed() == ()
    assert scan.kind == "volume"
    np.testing.assert_allclose(marker_of(scan), PLACE, atol=1e-3)
    assert same(scan, Expected(values=voxels() - 1024.0, affine=affine_of(ORIENTATIONS[name])))


@settings(deadline=None, max_examples=20)
@given(
    angles=st.tuples(*[st.floats(-180, 180, allow_nan=False)] * 3),
    mirrored=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_tilt_and_any_order_of_files_show_one_volume(
    angles: tuple[float, float, float], mirrored: bool, seed: int
) -> None:
    directions = turned(*angles)[:, :2].T * np.array([[-1.0 if mirrored else 1.0], [1.0]])
    with tempfile.TemporaryDirectory() as folder:
        write_series(Path(folder), directions, seed=seed)
        (scan,) = outcome_of(Path(folder)).scans
        np.testing.assert_allclose(marker_of(scan), PLACE, atol=1e-3)
        assert same(scan, Expected(values=voxels() - 1024.0, affine=affine_of(directions)))


def _short(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return f"{value:.10f}"[:16]
