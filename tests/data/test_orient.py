"""Cutting and turning planes moves no voxel in the patient, and ends where the table says."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtransfer.core.errors import ReadError
from medtransfer.data.geometry import edge_letters, is_orthogonal, orientation_letters
from medtransfer.data.orient import acquired, as_read, cuts
from medtransfer.data.scan import Identifiers, Presentation, Scan

TURNS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]
TABLE = {"axial": "SPL", "coronal": "PIL", "sagittal": "LIP"}
PLANES: Any = tuple(TABLE)


def scan_with(affine: np.ndarray, shape: tuple[int, ...] = (3, 4, 5)) -> Scan:
    """Every voxel holds a number of its own."""
    return Scan(
        voxels=np.arange(np.prod(shape)).reshape(shape),
        kind="volume" if len(shape) == 3 else "picture",
        affine=affine,
        modality="CT",
        presentation=Presentation(),
        identifiers=Identifiers(),
        path=Path("a"),
        attributes={},
    )


def places(scan: Scan) -> dict[int, tuple[float, ...]]:
    """Value of each voxel → where it lies."""
    assert scan.affine is not None
    voxels = scan.voxels if scan.kind == "volume" else scan.voxels[np.newaxis]
    return {
        int(voxels[index]): tuple(np.round(scan.affine @ [*index, 1], 6).tolist()) for index in np.ndindex(voxels.shape)
    }


def affine_of(
    order: tuple[int, ...], signs: tuple[int, ...], spacing: tuple[float, ...] = (0.7, 1.1, 2.5)
) -> np.ndarray:
    """`spacing` is that of the patient's axes; oblique where it is not given."""
    affine = np.eye(4)
    affine[:3, :3] = (np.diag(spacing) * signs)[:, order]
    if spacing == (0.7, 1.1, 2.5):
        affine[:3, :3] += 0.05 * np.array([[0, 1, -1], [1, 0, 1], [-1, 1, 0]])
    affine[:3, 3] = [3, -7, 11]
    return affine


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5)])
@pytest.mark.parametrize(("order", "signs"), TURNS)
def test_voxels_stay_at_their_place_and_axes_are_as_in_the_table(
    order: tuple[int, ...], signs: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    scan = scan_with(affine_of(order, signs), shape)
    turned = as_read(scan)
    assert places(turned) == places(scan)
    assert turned.affine is not None
    assert scan.affine is not None
    own = {"S": "SPL", "I": "SPL", "A": "PIL", "P": "PIL", "R": "LIP", "L": "LIP"}
    assert orientation_letters(turned.affine) == own[orientation_letters(scan.affine)[0]]
    assert as_read(turned) is turned


@pytest.mark.parametrize("spacing", [(1, 1, 1), (1, 1, 3), (0.9, 3, 0.9), (2, 0.8, 0.8), (0.7, 1.1, 2.6)])
def test_a_volume_turned_in_its_file_gives_equal_planes(spacing: tuple[float, ...]) -> None:
    """All 48 ways to store one patient; its voxels are told by their place."""
    patient = np.arange(3 * 4 * 5).reshape(3, 4, 5)  # R A S
    for slices in ("acquired", *TABLE, "triplanar"):
        seen = []
        for order, signs in TURNS:
            stored = patient.transpose(order)[tuple(slice(None, None, signs[axis]) for axis in order)]
            affine = affine_of(order, signs, spacing)
            affine[:3, 3] = [0 if s > 0 else (n - 1) * d for s, n, d in zip(signs, (3, 4, 5), spacing, strict=True)]
            seen.append(cuts(replace(scan_with(affine), voxels=stored), slices))  # type: ignore[arg-type]
        for views in seen[1:]:
            assert [axis for axis, _ in views] == [axis for axis, _ in seen[0]]
            for (_, view), (_, first) in zip(views, seen[0], strict=True):
                np.testing.assert_array_equal(view.voxels, first.voxels)


def test_planes_of_the_patient_are_where_the_table_says() -> None:
    patient = np.arange(3 * 4 * 5).reshape(3, 4, 5)  # R A S
    scan = replace(scan_with(affine_of((0, 1, 2), (1, 1, 1), (1, 1, 3))), voxels=patient)
    views = cuts(scan, "triplanar")
    assert [axis for axis, _ in views] == list(TABLE)
    shown = {axis: view.voxels for axis, view in views}
    flipped = patient[::-1, ::-1, :]  # L P S
    np.testing.assert_array_equal(shown["axial"], flipped.transpose(2, 1, 0))
    np.testing.assert_array_equal(shown["coronal"], flipped[..., ::-1].transpose(1, 2, 0))
    np.testing.assert_array_equal(shown["sagittal"], flipped[..., ::-1].transpose(0, 2, 1))
    for axis, view in views:
        assert view.affine is not None
        assert orientation_letters(view.affine) == TABLE[axis]
        assert places(view) == places(scan)


@pytest.mark.parametrize(
    ("spacing", "shape", "plane"),
    [
        ((1, 1, 3), (4, 4, 4), "axial"),
        ((0.7, 0.7, 0.5), (4, 4, 4), "axial"),  # overlapping slices: the odd one, though the narrowest
        ((0.9, 3, 0.9), (4, 4, 4), "coronal"),
        ((1.2, 1, 1), (4, 4, 4), "sagittal"),
        ((1, 1, 1), (4, 4, 4), "axial"),
        ((1.0009, 1, 1), (4, 4, 4), "axial"),
        ((1.0011, 1, 1), (4, 4, 4), "sagittal"),
        ((0.7, 2.6, 1.1), (4, 4, 4), "coronal"),
        ((0.7, 0.8, 2.6), (1, 4, 4), "sagittal"),
    ],
)
def test_the_acquired_plane_is_told_from_geometry(
    spacing: tuple[float, ...], shape: tuple[int, ...], plane: str
) -> None:
    for order, signs in TURNS:
        scan = scan_with(affine_of(order, signs, spacing), tuple(shape[axis] for axis in order))
        turned, found = acquired(scan)
        assert found == plane
        assert places(turned) == places(scan)


def tilted() -> Scan:
    """CT slices that are aside by two pixels each."""
    affine = affine_of((2, 1, 0), (-1, -1, 1), (0.5, 0.5, 2))
    affine[1, 0] = 1.0
    return scan_with(affine)


def test_tilted_and_unevenly_spaced_slices_are_left_alone_as_acquired_and_put_on_a_grid_across() -> None:
    uneven = scan_with(affine_of((2, 1, 0), (-1, -1, 1), (0.5, 0.5, 3)))
    assert uneven.affine is not None
    places_of = uneven.affine[:3, 3] + np.outer([0, 2, 6], [0, 0, 1])
    for scan, planes in ((tilted(), 3), (replace(uneven, positions=places_of), 4)):
        ((axis, view),) = cuts(scan, "acquired")
        assert (axis, view.voxels.shape) == ("axial", scan.voxels.shape)
        ((axis, view),) = cuts(scan, "sagittal")
        assert axis == "sagittal"
        assert view.affine is not None
        assert view.positions is None
        assert is_orthogonal(view.affine)
        assert view.voxels.shape[1] == planes
        (axial, *_) = cuts(scan, "triplanar")
        assert axial[1].voxels.shape == scan.voxels.shape


def test_positions_follow_the_slices() -> None:
    """Slices from the head to the feet at uneven places are turned round, places and all."""
    affine = affine_of((2, 1, 0), (1, 1, -1), (0.5, 0.5, 3))
    scan = scan_with(affine)
    scan = replace(scan, positions=affine[:3, 3] + np.outer([0, 2, 6], [0, 0, -1.0]))
    turned = as_read(scan)
    assert turned.affine is not None
    assert turned.positions is not None
    np.testing.assert_allclose(turned.positions[0], turned.affine[:3, 3])
    np.testing.assert_allclose(np.diff(turned.positions[:, 2]), [4, 2])
    np.testing.assert_array_equal(turned.voxels[0], scan.voxels[2, ::-1, ::-1])


@pytest.mark.parametrize("slices", ["acquired", *TABLE, "triplanar"])
def test_one_slice_is_its_own_plane_whatever_is_asked_for(slices: Any) -> None:
    for order, signs in TURNS:
        shape = [(1, 4, 5)[axis] for axis in order]
        ((axis, view),) = cuts(scan_with(affine_of(order, signs, (1, 1, 1)), tuple(shape)), slices)
        assert (axis, len(view.voxels)) == ("sagittal", 1)
    sheared = scan_with(np.array([[0, 0, 1.0, 0], [3, 1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]]), (1, 4, 5))
    assert [axis for axis, _ in cuts(sheared, slices)] == ["axial"]
    picture = scan_with(affine_of((2, 1, 0), (1, 1, 1)), (4, 5))
    ((axis, view),) = cuts(picture, slices)
    assert (axis, view.kind, view.voxels.shape) == ("axial", "picture", (4, 5))


@pytest.mark.parametrize("slices", PLANES)
def test_a_volume_of_unknown_place_is_not_cut_along_the_patient(slices: Any) -> None:
    volume = replace(scan_with(np.eye(4)), affine=None)
    ((axis, view),) = cuts(volume, "acquired")
    assert (axis, view) == ("", volume)
    with pytest.raises(ReadError) as caught:
        cuts(volume, slices)
    assert caught.value.code == "OrientationUnknown"
    assert "acquired" in (caught.value.hint or "")
    frames = replace(volume, kind="frames")
    assert cuts(frames, slices) == (("", frames),)


def test_rows_and_columns_that_are_not_perpendicular_can_only_be_read_as_acquired() -> None:
    affine = affine_of((2, 1, 0), (1, 1, 1), (0.5, 0.5, 3))
    affine[:3, 2] += affine[:3, 1]
    assert cuts(scan_with(affine), "acquired")
    with pytest.raises(ReadError) as caught:
        cuts(scan_with(affine), "coronal")
    assert caught.value.code == "BadGeometry"
    assert "acquired" in (caught.value.hint or "")


def test_the_patient_s_left_is_on_the_viewer_s_right() -> None:
    axial = as_read(
        scan_with(affine_of((2, 1, 0), (1, 1, 1)))
    )  # slices to S, rows to A, columns to R, as NIfTI has them
    assert edge_letters(axial) == ("A", "L", "P", "R")


def test_a_projection_is_left_as_it_is() -> None:
    projection = replace(scan_with(np.eye(4), (4, 5)), affine=None)
    assert as_read(projection) is projection
    assert acquired(projection) == (projection, "")
