"""Tubes: pieces fit at their joints, walls and insides are told apart, and the shadow holds the volume."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bodies import FAR, along, points_along, share_inside
from two_hospitals.rays import Rays
from two_hospitals.tubes import Tubes, add_paths, joined, pieces, tube

ANGLES = np.linspace(0.0, 2.6, 14)
ARC = np.stack([60.0 * np.cos(ANGLES), 50.0 * np.sin(ANGLES), 9.0 * ANGLES], axis=1)
STRAIGHT = np.array([[-20.0, 5.0, -30.0], [25.0, -10.0, 20.0]])


def shadow(tubes: Tubes, rays: Rays) -> np.ndarray:
    image = np.zeros(rays.shape)
    add_paths(image, rays, tubes)
    return image


def length(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


@pytest.mark.parametrize("direction", [(0, 1, 0), (-1, 0, 0), (0, 0, 1), (0.3, -1, 0.2)])
def test_under_parallel_rays_the_shadow_of_an_arc_holds_its_volume(direction: tuple[float, float, float]) -> None:
    """π a b times the length of the axis: planes that halve the angles leave neither overlap nor gap."""
    arc = tube(ARC, half_widths=(3.0, 6.0), hollow=0.8, wall=0.9, core=0.15)
    area = math.pi * 3.0 * 6.0 * (0.9 * (1 - 0.64) + 0.15 * 0.64)
    mass = shadow(arc, along(direction, size=380, spacing_mm=0.4)).sum() * 0.16
    assert mass == pytest.approx(area * length(ARC), rel=3e-3)


@pytest.mark.parametrize("source_mm", [1000.0, FAR])
def test_a_way_through_is_as_long_as_the_points_inside_say(source_mm: float) -> None:
    rays = along((0.2, 1.0, -0.15), size=21, spacing_mm=7.0, source_mm=source_mm)
    tubes = joined(
        [
            tube(ARC[:6], half_widths=(5.0, 9.0), hollow=0.7, wall=1.0, core=0.3),
            tube(STRAIGHT, half_widths=(8.0, 8.0), outward=(1.0, 0.0, 0.0), wall=-0.5),
        ]
    )
    path = shadow(tubes, rays)
    t = (-200.0 if source_mm == FAR else source_mm - 200.0) + np.arange(-120.0, 120.0, 0.05)
    steps = 0.05 * rays.lengths()
    for place in np.ndindex(*rays.shape):
        expected = share_inside(tubes, points_along(rays, place[0], place[1], t)).sum() * steps[place]
        assert path[place] == pytest.approx(expected, abs=0.2)
    assert np.count_nonzero(path) > 25


def test_a_ray_along_a_tube_runs_through_all_of_it() -> None:
    points = np.array([[0.0, -15.0, 0.0], [0.0, 25.0, 0.0]])
    path = shadow(tube(points, half_widths=(4.0, 4.0)), along((0, 1, 0), size=21, spacing_mm=1.0))
    assert path[10, 10] == pytest.approx(40.0)
    assert path[10, 16] == 0.0


def test_more_points_on_a_straight_line_change_nothing() -> None:
    rays = along((0.1, 1.0, 0.2), size=150, spacing_mm=0.7, source_mm=1000.0)
    more = STRAIGHT[0] + np.array([0.0, 0.3, 0.35, 1.0])[:, None] * (STRAIGHT[1] - STRAIGHT[0])
    one, many = (shadow(tube(points, half_widths=(3.0, 5.0)), rays) for points in (STRAIGHT, more))
    np.testing.assert_allclose(one, many, atol=1e-8)
    assert one.max() > 5


def test_round_pieces_hold_their_volume_whatever_their_direction() -> None:
    rng = np.random.default_rng(4)
    start, end = rng.uniform(-40, 40, (2, 30, 3))
    radius, weight = rng.uniform(0.8, 5.0, 30), rng.uniform(-1.0, 1.0, 30)
    mass = shadow(pieces(start, end, radius=radius, weight=weight), along((0, 1, 0), size=600, spacing_mm=0.2)).sum()
    volumes = math.pi * radius**2 * np.linalg.norm(end - start, axis=1) * weight
    assert mass * 0.04 == pytest.approx(volumes.sum(), abs=2e-3 * np.abs(volumes).sum())


def test_the_edge_of_the_detector_only_cuts_off() -> None:
    rays = along((0, 1, 0), size=120, spacing_mm=1.0)
    window = (slice(50, 90), slice(45, 101))
    arc = tube(ARC, half_widths=(3.0, 6.0), hollow=0.5)
    np.testing.assert_allclose(shadow(arc, rays.window(window)), shadow(arc, rays)[window], atol=1e-9)
    assert not shadow(arc, along((0, 1, 0), size=10, spacing_mm=0.1)).any()
