"""Laws of affines: letters name where indices grow, edges are opposite, spacing and shear are read off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medtransfer.data.geometry import edge_letters, is_orthogonal, orientation_letters, spacing_of
from medtransfer.data.scan import Identifiers, Presentation, Scan

AXIAL = np.array([[0, 0, -0.7, 90], [0, -0.5, 0, 80], [5, 0, 0, -30], [0, 0, 0, 1]], dtype=np.float64)
OPPOSITE = dict(zip("RLAPSIHF", "LRPAISFH", strict=True))
ANGLES = st.tuples(*[st.floats(-3.2, 3.2)] * 3)
SPACINGS = st.tuples(*[st.floats(0.1, 10)] * 3)


def affine_from(turn: tuple[float, ...], spacing: tuple[float, ...], flip: tuple[int, ...] = (1, 1, 1)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn).as_matrix() * spacing * np.array(flip)
    return affine


def scan(**changes: Any) -> Scan:
    values: dict[str, Any] = {
        "voxels": np.zeros((2, 3), np.uint8),
        "affine": None,
        "modality": "CT",
        "presentation": Presentation(),
        "identifiers": Identifiers(),
        "path": Path("a.dcm"),
        "attributes": {},
        **changes,
    }
    return Scan(**values)


def test_an_axial_slice_of_a_supine_patient_reads_as_radiologists_hold_it() -> None:
    """Columns grow to the patient's left, rows to the back: the right hand is on the left, the nose on top."""
    assert orientation_letters(AXIAL) == "SPL"
    assert edge_letters(scan(affine=AXIAL)) == ("A", "L", "P", "R")


def test_sagittal_and_coronal_edges_say_head_and_foot() -> None:
    sagittal = np.array([[-4, 0, 0, 0], [0, 0, -1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], dtype=np.float64)
    assert orientation_letters(sagittal) == "LIP"
    assert edge_letters(scan(affine=sagittal)) == ("H", "P", "F", "A")


@pytest.mark.parametrize(
    ("directions", "edges"),
    [
        (("F", "L"), ("H", "L", "F", "R")),
        (("FP", "AL"), ("HA", "AL", "FP", "PR")),
        (("", ""), ("", "", "", "")),
        (("F", ""), ("H", "", "F", "")),
    ],
)
def test_edges_of_a_projection_come_from_patient_orientation(
    directions: tuple[str, str], edges: tuple[str, ...]
) -> None:
    assert edge_letters(scan(directions=directions, modality="DX")) == edges


@given(ANGLES, SPACINGS, st.tuples(*[st.sampled_from([-1, 1])] * 3))
@settings(max_examples=150, deadline=None)
def test_letters_use_each_direction_once_and_turn_over_with_their_axis(
    turn: tuple[float, ...], spacing: tuple[float, ...], flip: tuple[int, ...]
) -> None:
    affine = affine_from(turn, spacing)
    letters = orientation_letters(affine)
    assert {frozenset((letter, OPPOSITE[letter])) for letter in letters} == {
        frozenset("RL"),
        frozenset("AP"),
        frozenset("SI"),
    }
    expected = [OPPOSITE[letter] if sign < 0 else letter for letter, sign in zip(letters, flip, strict=True)]
    assert orientation_letters(affine_from(turn, spacing, flip)) == "".join(expected)
    top, right, bottom, left = edge_letters(scan(affine=affine))
    assert (top, left) == (OPPOSITE[bottom], OPPOSITE[right])


@given(st.permutations(range(3)), st.tuples(*[st.sampled_from([-1, 1])] * 3), st.tuples(*[st.floats(-0.4, 0.4)] * 3))
@settings(max_examples=100, deadline=None)
def test_letters_agree_with_nibabel_where_one_axis_is_near_each(
    axes: list[int], flip: tuple[int, ...], turn: tuple[float, ...]
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn).as_matrix()[:, axes] * np.array(flip)
    assert orientation_letters(affine) == "".join(nibabel.aff2axcodes(affine))


@given(ANGLES, SPACINGS)
@settings(max_examples=60, deadline=None)
def test_spacing_and_right_angles_are_kept_by_rotation(turn: tuple[float, ...], spacing: tuple[float, ...]) -> None:
    affine = affine_from(turn, spacing)
    np.testing.assert_allclose(spacing_of(affine), spacing)
    assert is_orthogonal(affine)
    sheared = affine.copy()
    sheared[:3, 0] += affine[:3, 1] / spacing[1] * spacing[0] * np.tan(np.radians(1))
    assert not is_orthogonal(sheared)
