"""Solids: their shadows hold their volume, and cutting and joining stretches is exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bodies import FAR, along, points_along
from hypothesis import given
from hypothesis import strategies as st
from two_hospitals.solids import (
    Solid,
    Stretch,
    beyond,
    column,
    ellipsoid,
    scaled,
    shared_length,
    stretch,
    union_length,
    without,
)

SHEARED = ((30.0, 0.0, 5.0), (-4.0, 22.0, 0.0), (0.0, -18.0, 55.0))
SOLIDS = [ellipsoid((5.0, -8.0, 3.0), (40.0, 20.0, 30.0)), ellipsoid((0.0, 4.0, -6.0), SHEARED)]
DIRECTIONS = [(0, 1, 0), (0, -1, 0), (-1, 0, 0), (0.2, 1, -0.3)]
ENDS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6)


def volume(solid: Solid) -> float:
    return 4.0 / 3.0 * math.pi / abs(np.linalg.det(solid.forms))


@pytest.mark.parametrize("solid", SOLIDS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_under_parallel_rays_a_shadow_holds_the_volume(solid: Solid, direction: tuple[float, float, float]) -> None:
    path = stretch(along(direction, size=300, spacing_mm=0.5), solid).length()
    assert path.sum() * 0.25 == pytest.approx(volume(solid), rel=5e-4)


def test_the_axes_of_an_ellipsoid_end_on_its_surface() -> None:
    solid = SOLIDS[1]
    tips = solid.centre + np.array(SHEARED)
    np.testing.assert_allclose(solid.depth(tips), 1.0)
    assert solid.contains(solid.centre + 0.99 * np.array(SHEARED)).all()
    assert not solid.contains(solid.centre - 1.01 * np.array(SHEARED)).any()
    assert volume(scaled(solid, 2.0)) == pytest.approx(8.0 * volume(solid))


@pytest.mark.parametrize("source_mm", [1000.0, FAR])
@pytest.mark.parametrize("solid", [*SOLIDS, column((3.0, -5.0, 0.0), (30.0, 12.0))])
def test_a_way_through_is_as_long_as_the_points_inside_say(solid: Solid, source_mm: float) -> None:
    """Against counting points along the rays, 0.02 mm apart."""
    rays = along((0.2, 1.0, -0.15), size=15, spacing_mm=8.0, source_mm=source_mm)
    path = stretch(rays, solid).length()
    middle = -200.0 if source_mm == FAR else source_mm - 200.0
    t = middle + np.arange(-150.0, 150.0, 0.02)
    for place in np.ndindex(*rays.shape):
        inside = solid.contains(points_along(rays, place[0], place[1], t))
        assert path[place] == pytest.approx(0.02 * np.count_nonzero(inside), abs=0.05)


def test_a_footprint_holds_the_whole_shadow() -> None:
    rays = along((0.2, 1.0, -0.15), size=100, spacing_mm=2.0, source_mm=1000.0)
    for solid in SOLIDS:
        shadow = stretch(rays, solid).length() > 0
        inside = np.zeros_like(shadow)
        inside[solid.footprint(rays)] = True
        assert shadow.any()
        assert not (shadow & ~inside).any()
        window = solid.footprint(rays)
        np.testing.assert_array_equal(
            stretch(rays.window(window), solid).length(), stretch(rays, solid).length()[window]
        )


@pytest.mark.parametrize("direction", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0.6, 0.8, 0)])
def test_a_plane_halves_a_ball(direction: tuple[float, float, float]) -> None:
    rays = along(direction, size=160, spacing_mm=0.5)
    ball = stretch(rays, ellipsoid((0, 0, 0), (30, 30, 30)))
    right, left = (beyond(rays, ball, normal=(side, 0.0, 0.0), offset=0.0).length() for side in (1.0, -1.0))
    np.testing.assert_allclose(right + left, ball.length(), atol=1e-9)
    assert right.sum() == pytest.approx(left.sum(), rel=1e-9)
    cap = beyond(rays, ball, normal=(1.0, 0.0, 0.0), offset=10.0).length()
    assert cap.sum() * 0.25 == pytest.approx(math.pi * 20.0**2 * (30.0 - 20.0 / 3.0), rel=2e-3)


def as_stretches(ends: list[tuple[int, int]]) -> list[Stretch]:
    return [Stretch(np.array([[float(min(pair))]]), np.array([[float(max(pair))]])) for pair in ends]


def cells(ends: list[tuple[int, int]]) -> set[int]:
    """The unit cells that stretches with whole ends cover."""
    return {cell for a, b in ends for cell in range(min(a, b), max(a, b))}


@given(ENDS)
def test_a_union_counts_every_overlap_once(ends: list[tuple[int, int]]) -> None:
    assert union_length(as_stretches(ends)).item() == len(cells(ends))


@given(ENDS, st.tuples(st.integers(0, 40), st.integers(0, 40)), ENDS)
def test_what_is_left_is_what_no_cut_covers(
    cuts: list[tuple[int, int]], whole: tuple[int, int], others: list[tuple[int, int]]
) -> None:
    left = without(as_stretches([whole])[0], as_stretches(cuts))
    remaining = cells([whole]) - cells(cuts)
    assert sum(part.length().item() for part in left) == len(remaining)
    assert all(part.length().item() >= 0 for part in left)
    for other in others:
        assert shared_length(as_stretches([other])[0], left).item() == len(cells([other]) & remaining)
