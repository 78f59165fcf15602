"""Turning planes moves no voxel in the patient, and ends where the table says."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from medtransfer.data.geometry import edge_letters, orientation_letters
from medtransfer.data.orient import as_read
from medtransfer.data.scan import Identifiers, Presentation, Scan

TURNS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]


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
        positions=np.array([affine[:3, 3] + k**1.5 * affine[:3, 0] for k in range(3)]) if len(shape) == 3 else None,
    )


def places(scan: Scan) -> dict[int, tuple[float, ...]]:
    """Value of each voxel → where it lies."""
    assert scan.affine is not None
    voxels = scan.voxels if scan.kind == "volume" else scan.voxels[np.newaxis]
    return {
        int(voxels[index]): tuple(np.round(scan.affine @ [*index, 1], 6).tolist()) for index in np.ndindex(voxels.shape)
    }


def affine_of(order: tuple[int, ...], signs: tuple[int, ...]) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = (np.diag([0.7, 1.1, 2.5]) * signs)[:, order]
    affine[:3, :3] += 0.05 * np.array([[0, 1, -1], [1, 0, 1], [-1, 1, 0]])
    affine[:3, 3] = [3, -7, 11]
    return affine


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5)])
@pytest.mark.parametrize(("order", "signs"), TURNS)
def test_voxels_stay_at_their_place_and_edges_are_as_in_the_table(
    order: tuple[int, ...], signs: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    scan = scan_with(affine_of(order, signs), shape)
    turned = as_read(scan)
    assert places(turned) == places(scan)
    assert turned.affine is not None
    assert scan.affine is not None
    letters = orientation_letters(turned.affine)
    assert letters[0] == orientation_letters(scan.affine)[0]
    assert letters[1:] == {"S": "PL", "A": "IL", "R": "IP"}[{"I": "S", "P": "A", "L": "R"}.get(letters[0], letters[0])]
    assert as_read(turned) is turned


def test_positions_follow_the_first_voxel() -> None:
    turned = as_read(scan_with(affine_of((2, 1, 0), (1, 1, 1))))
    assert turned.affine is not None
    assert turned.positions is not None
    np.testing.assert_allclose(turned.positions[0], turned.affine[:3, 3])


def test_the_patient_s_left_is_on_the_viewer_s_right() -> None:
    axial = as_read(
        scan_with(affine_of((2, 1, 0), (1, 1, 1)))
    )  # slices to S, rows to A, columns to R, as NIfTI has them
    assert edge_letters(axial) == ("A", "L", "P", "R")


def test_a_projection_is_left_as_it_is() -> None:
    scan = scan_with(np.eye(4), (4, 5))
    projection = Scan(**{**scan.__dict__, "affine": None})
    assert as_read(projection) is projection
