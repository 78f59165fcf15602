"""Laws of resampling: linear functions of the patient's millimetres are kept, background stays, memory is bounded."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medtransfer.core.errors import ReadError
from medtransfer.data.geometry import is_orthogonal, spacing_of
from medtransfer.data.resample import MOST_SLICES, regular
from medtransfer.data.scan import Identifiers, Presentation, Scan

OUTSIDE = -1e6


def volume(voxels: np.ndarray, affine: np.ndarray, **changes: Any) -> Scan:
    values: dict[str, Any] = {
        "voxels": voxels,
        "affine": None if changes.get("kind") == "frames" else affine,
        "kind": "volume",
        "modality": "CT",
        "presentation": Presentation(),
        "identifiers": Identifiers(),
        "path": Path("a.dcm"),
        "attributes": {},
        **changes,
    }
    return Scan(**values)


def world(affine: np.ndarray, shape: tuple[int, ...], positions: np.ndarray | None = None) -> np.ndarray:
    """RAS+ millimetres of every voxel, derived from the affine's meaning alone."""
    index = np.stack(np.meshgrid(*map(np.arange, shape[:3]), indexing="ij"), axis=-1).astype(float)
    if positions is None:
        return index @ affine[:3, :3].T + affine[:3, 3]
    return index[..., 1:] @ affine[:3, 1:3].T + positions[:, None, None]


def linear(places: np.ndarray) -> np.ndarray:
    return places @ np.array([0.7, -1.3, 2.1]) + 11.0


def sheared(turn: tuple[float, ...], steps: list[float], shear: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """An affine with mean step, and the slices' first voxels."""
    axes = Rotation.from_euler("xyz", turn).as_matrix()
    distances = np.concatenate([[0.0], np.cumsum(steps)])[:, None]
    positions = np.array([5.0, -8.0, 30.0]) + distances * (axes[:, 0] + shear[0] * axes[:, 1] + shear[1] * axes[:, 2])
    affine = np.eye(4)
    affine[:3, 0] = (positions[-1] - positions[0]) / len(steps)
    affine[:3, 1], affine[:3, 2], affine[:3, 3] = axes[:, 1] * 0.8, axes[:, 2] * 1.1, positions[0]
    return affine, positions


@given(
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.lists(st.sampled_from([1.0, 2.5, 2.5, 5.0]), min_size=2, max_size=8),
    st.tuples(*[st.floats(-0.6, 0.6)] * 2),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_a_linear_function_of_the_millimetres_is_kept(
    turn: tuple[float, ...], steps: list[float], shear: tuple[float, float], backwards: bool
) -> None:
    affine, positions = sheared(turn, steps, shear)
    if backwards:
        positions = positions[::-1].copy()
        affine[:3, 0], affine[:3, 3] = -affine[:3, 0], positions[0]
    shape = (len(positions), 12, 13)
    values = linear(world(affine, shape, positions))
    source = volume(
        values, affine, positions=positions, presentation=Presentation(padding=(int(OUTSIDE), int(OUTSIDE)))
    )
    result = regular(source)
    assert result.affine is not None
    assert result.positions is None
    assert is_orthogonal(result.affine)
    inside = result.voxels != OUTSIDE
    expected = linear(world(result.affine, result.voxels.shape))
    np.testing.assert_allclose(result.voxels[inside], expected[inside], atol=1e-4)  # whole pixels are rounded at 10⁻⁵
    assert inside.any(axis=(1, 2)).all()
    np.testing.assert_allclose(spacing_of(result.affine)[1:], spacing_of(affine)[1:])
    ends = world(result.affine, result.voxels.shape)[[0, -1], 0, 0]
    normal = result.affine[:3, 0] / np.linalg.norm(result.affine[:3, 0])
    np.testing.assert_allclose(ends @ normal, positions[[0, -1]] @ normal, atol=1e-6)
    assert regular(result) is result


def test_without_tilt_the_law_holds_to_rounding_and_the_grid_in_the_plane_stays() -> None:
    affine, positions = sheared((0.3, 0.2, 0.1), [2.5] * 6 + [5.0] * 5, (0.0, 0.0))
    values = linear(world(affine, (12, 9, 7), positions))
    result = regular(volume(values, affine, positions=positions))
    assert result.voxels.shape == (17, 9, 7)
    assert result.affine is not None
    np.testing.assert_allclose(result.voxels, linear(world(result.affine, result.voxels.shape)), atol=1e-9)
    assert spacing_of(result.affine)[0] == pytest.approx(2.5)
    assert result.notes == ("Resampled: 12 slices became 17, 2.5 mm apart",)


def test_a_missing_slice_is_the_mean_of_its_neighbours() -> None:
    affine, positions = sheared((0, 0, 0), [2, 2, 4, 2], (0.0, 0.0))
    voxels = np.arange(5, dtype=np.int16)[:, None, None] * np.full((1, 4, 4), 100, np.int16)
    result = regular(volume(voxels, affine, positions=positions))
    assert result.voxels.dtype == np.int16
    assert result.voxels[:, 0, 0].tolist() == [0, 100, 200, 250, 300, 400]


def test_two_slices_at_one_place_count_once() -> None:
    affine, positions = sheared((0, 0, 0), [2, 0, 2, 2], (0.0, 0.0))
    voxels = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    assert regular(volume(voxels, affine, positions=positions)).voxels[:, 0, 0].tolist() == [0, 1, 3, 4]


def test_a_shift_by_whole_pixels_moves_every_voxel_and_loses_none() -> None:
    affine, _ = sheared((0, 0, 0), [1.6] * 3, (0.5, 0.0))  # 1.6 mm along: 0.8 mm, one row, aside
    voxels = np.arange(1, 4 * 5 * 6 + 1, dtype=np.uint16).reshape(4, 5, 6)
    result = regular(volume(voxels, affine, presentation=Presentation(padding=(0, 0))))
    assert result.voxels.shape == (4, 8, 6)
    for index in range(4):
        np.testing.assert_array_equal(result.voxels[index, index : index + 5], voxels[index])
    assert sorted(result.voxels[result.voxels > 0].tolist()) == voxels.ravel().tolist()


def test_a_marker_stays_at_its_millimetre() -> None:
    affine, _ = sheared((0.4, -0.2, 0.9), [1.6] * 9, (0.5, 0.25))
    voxels = np.zeros((10, 30, 30), np.float32)
    voxels[4, 12, 17] = 100
    place = (affine @ [4, 12, 17, 1])[:3]
    result = regular(volume(voxels, affine))
    assert result.affine is not None
    found = np.average(world(result.affine, result.voxels.shape).reshape(-1, 3), axis=0, weights=result.voxels.ravel())
    np.testing.assert_allclose(found, place, atol=1e-3)


@pytest.mark.parametrize(
    ("presentation", "expected"),
    [
        (Presentation(), 3),
        (Presentation(inverted=True), 9),
        (Presentation(padding=(-7, -5)), -7),
    ],
)
def test_what_no_slice_reaches_is_background(presentation: Presentation, expected: int) -> None:
    affine, _ = sheared((0, 0, 0), [1.6] * 3, (0.5, 0.0))
    voxels = np.full((4, 5, 6), 4, np.int16)
    voxels[0, 0, :2] = (3, 9)
    result = regular(volume(voxels, affine, presentation=presentation))
    assert (result.voxels[0, 5:] == expected).all()


def test_background_is_not_mixed_into_tissue() -> None:
    affine, positions = sheared((0, 0, 0), [2, 2, 4, 2], (0.0, 0.0))
    voxels = np.full((5, 4, 4), 40, np.int16)
    voxels[:, 0, :] = -2000
    voxels[2, 1, 1] = -2000
    result = regular(volume(voxels, affine, positions=positions, presentation=Presentation(padding=(-2000, -2000))))
    assert set(np.unique(result.voxels)) == {-2000, 40}


def test_colour_is_kept_last() -> None:
    affine, positions = sheared((0, 0, 0), [2, 2, 4], (0.0, 0.0))
    voxels = np.arange(4 * 3 * 2 * 3, dtype=np.uint8).reshape(4, 3, 2, 3)
    result = regular(volume(voxels, affine, positions=positions))
    assert result.voxels.shape == (5, 3, 2, 3)
    np.testing.assert_array_equal(result.voxels[[0, 1, 2, 4]], voxels)


@pytest.mark.parametrize("changes", [{}, {"kind": "frames"}, {"kind": "picture"}])
def test_what_is_regular_or_no_volume_is_left_alone(changes: dict[str, Any]) -> None:
    scan = volume(np.zeros((3, 4, 5), np.uint8), np.diag([2.0, 1, 1, 1]), **changes)
    assert regular(scan) is scan


def test_a_giant_gap_makes_no_giant_volume() -> None:
    affine, positions = sheared((0, 0, 0), [1, 1, 1, 1e6], (0.0, 0.0))
    result = regular(volume(np.zeros((5, 2, 2), np.uint8), affine, positions=positions))
    assert len(result.voxels) == 5 * MOST_SLICES


def test_skewed_rows_and_columns_are_refused() -> None:
    affine = np.eye(4)
    affine[1, 2] = 0.5
    with pytest.raises(ReadError, match="perpendicular") as caught:
        regular(volume(np.zeros((3, 4, 5), np.uint8), affine))
    assert caught.value.code == "BadGeometry"


def test_slices_in_one_place_are_refused() -> None:
    affine, positions = sheared((0, 0, 0), [0.0, 0.0], (0.0, 0.0))
    with pytest.raises(ReadError, match="one place"):
        regular(volume(np.zeros((3, 4, 5), np.uint8), affine, positions=positions))


def test_besides_the_result_only_a_few_planes_are_held() -> None:
    affine, positions = sheared((0, 0, 0), [2.0] * 59 + [4.0], (0.1, 0.0))
    scan = volume(np.zeros((61, 256, 256), np.int16), affine, positions=positions)
    tracemalloc.start()
    result = regular(scan)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < result.voxels.nbytes + 16 * result.voxels[0].size * 4
