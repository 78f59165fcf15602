"""Partial volume by formulas: mass is kept whatever grid looks, and grids lie where their headers will say."""

from __future__ import annotations

import numpy as np
import pytest
from two_hospitals.ct import LOWEST_MM, Protocol
from two_hospitals.exact import Stream
from two_hospitals.lattice import smooth_lattice
from two_hospitals.voxels import Grid, Pose, ellipsoid, fraction_between, fraction_inside

SPACING = 2.4
THICKNESS = 5.0
VOXEL_MM3 = SPACING * SPACING * THICKNESS


def box(shift: float = 0.0) -> Grid:
    return Grid(
        shape=(20, 40, 40),
        origin=(-19.5 * SPACING + shift, -19.5 * SPACING, -9.5 * THICKNESS),
        steps=((0.0, 0.0, THICKNESS), (0.0, SPACING, 0.0), (SPACING, 0.0, 0.0)),
    )


@pytest.mark.parametrize("radii", [(10, 14, 9), (20, 20, 20), (6, 25, 12)])
@pytest.mark.parametrize(("turn", "shift"), [(0.0, 0.0), (31.0, 0.7)])
def test_an_ellipsoid_has_its_volume(radii: tuple[float, float, float], turn: float, shift: float) -> None:
    part = ellipsoid(box(shift).points(), centre=(0.3, -0.4, 1.1), radii=radii, turn_degrees=turn)
    assert part.sum() * VOXEL_MM3 == pytest.approx(4 / 3 * np.pi * np.prod(radii), rel=0.01)
    assert part.min() == 0
    assert part.max() == 1


def test_an_ellipsoid_agrees_with_supersampling() -> None:
    """An eighth of each voxel's edge; voxels differ by a few parts in a hundred, on average by nothing."""
    grid, fine = box(), 8
    offsets = (np.arange(fine) + 0.5) / fine - 0.5
    points = grid.points()
    inside = np.zeros(grid.shape)
    for dz in offsets * THICKNESS:
        for dy in offsets * SPACING:
            for dx in offsets * SPACING:
                x, y, z = points.x + dx, points.y + dy, points.z + dz
                inside += (x / 15) ** 2 + (y / 22) ** 2 + (z / 18) ** 2 < 1
    part = ellipsoid(points, centre=(0, 0, 0), radii=(15, 22, 18))
    assert np.abs(part - inside / fine**3).max() < 0.15
    assert np.abs(part - inside / fine**3)[(part > 0) & (part < 1)].mean() < 0.04


@pytest.mark.parametrize("offset", [0.0, 0.3, 1.1, 1.9])
@pytest.mark.parametrize("half", [0.2, 0.7, 3.0])
def test_a_sheet_keeps_its_thickness(half: float, offset: float) -> None:
    points = box(offset).points()
    across = fraction_between(points.x, -half, half, points.span(1.0, 0.0, 0.0))
    assert across[0, 0].sum() * SPACING == pytest.approx(2 * half, rel=1e-12)


def test_a_plane_along_the_faces_is_exact() -> None:
    points = box().points()
    part = fraction_inside(points.x - 0.6, points.span(1.0, 0.0, 0.0))
    assert sorted(set(np.round(part[0, 0], 12))) == [0, 0.25, 1]


def test_a_pose_turns_and_moves_without_stretching() -> None:
    pose = Pose(turn_degrees=20.0, nod_degrees=-8.0, shift=(3.0, -2.0, 5.0))
    grid = box()
    turned = pose.of_head(grid)
    ours, theirs = grid.points(), turned.points()
    for a, b in [((0, 0, 0), (19, 39, 39)), ((3, 5, 7), (4, 5, 7))]:
        before = [getattr(ours, axis)[a] - getattr(ours, axis)[b] for axis in "xyz"]
        after = [getattr(theirs, axis)[a] - getattr(theirs, axis)[b] for axis in "xyz"]
        assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before))
    # The head's own centre lies where it was moved to.
    nearest = np.argmin(theirs.x**2 + theirs.y**2 + theirs.z**2)
    place = np.array([ours.x.flat[nearest], ours.y.flat[nearest], ours.z.flat[nearest]])
    assert np.abs(place - np.array(pose.shift)).max() < THICKNESS
    assert turned.steps[1] == pytest.approx(_head_from_patient(pose, grid.steps[1]))


def _head_from_patient(pose: Pose, vector: tuple[float, float, float]) -> tuple[float, ...]:
    turn, nod = np.radians([pose.turn_degrees, pose.nod_degrees])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(nod), -np.sin(nod)], [0, np.sin(nod), np.cos(nod)]])
    return tuple((about_x @ about_z).T @ np.array(vector))


@pytest.mark.parametrize("tilt", [0.0, 12.0, -15.0])
def test_a_tilted_gantry_shears_the_stack(tilt: float) -> None:
    protocol = Protocol(slices=9, pixels=11, pixel_mm=2.0, thickness_mm=5.0, tilt_degrees=tilt)
    grid = protocol.grid()
    normal = np.cross(grid.steps[2], grid.steps[1])
    angle = np.degrees(np.arccos(abs(normal[2]) / np.linalg.norm(normal)))
    assert angle == pytest.approx(abs(tilt), abs=1e-6)
    assert grid.steps[0] == (0.0, 0.0, 5.0)
    assert np.linalg.norm(grid.steps[1]) == pytest.approx(2.0)
    points = grid.points()
    assert [points.x[0, 5, 5], points.y[0, 5, 5], points.z[0, 5, 5]] == pytest.approx([0, 0, LOWEST_MM])


def test_a_smooth_field_is_the_same_whatever_grid_looks() -> None:
    lattice = smooth_lattice(Stream("field"), spacing=3.0, half_widths=(60, 60, 60), sigma=4.0)
    grid = box()
    everywhere = np.ones(grid.shape, dtype=bool)
    values = lattice.at(grid.points().where(everywhere)).reshape(grid.shape)
    half = Grid(shape=(20, 40, 20), origin=grid.origin, steps=(*grid.steps[:2], (2 * SPACING, 0.0, 0.0)))
    again = lattice.at(half.points().where(np.ones(half.shape, dtype=bool))).reshape(half.shape)
    np.testing.assert_allclose(again, values[:, :, ::2], atol=1e-12)
    inner = lattice.values[4:-4, 4:-4, 4:-4]
    assert inner.var() == pytest.approx(1, abs=0.2)
    # exp(−r² / 4σ²) at r = 6 mm, two nodes.
    neighbour = np.corrcoef(inner[:, :, 2:].ravel(), inner[:, :, :-2].ravel())[0, 1]
    assert neighbour == pytest.approx(np.exp(-36 / 64), abs=0.05)
