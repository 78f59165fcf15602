"""Rays: straight from the source to the pixels, and images that lie as radiographs are hung."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bodies import BEDSIDE, FAR, LATERAL, STILL, along, points_along, rays_at
from two_hospitals.rays import Rays, centred, cross, dot, unit


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("source_mm", [1000.0, 1800.0, FAR])
def test_linear_forms_give_the_points_of_the_rays(rng: np.random.Generator, source_mm: float) -> None:
    rays = along((0.3, -1.0, 0.2), size=9, spacing_mm=30.0, source_mm=source_mm)
    form = rng.normal(size=3)
    t = np.array([0.0, 700.0])
    for row, column in ((0, 0), (4, 4), (8, 2)):
        at, direction = (
            constant + over * rays.across[column] + under * rays.down[row]
            for constant, over, under in (rays.of_position(form), rays.of_direction(form))
        )
        np.testing.assert_allclose(at + t * direction, points_along(rays, row, column, t) @ form, atol=1e-9)


@pytest.mark.parametrize("source_mm", [1000.0, FAR])
def test_a_point_of_a_ray_is_seen_at_its_pixel(source_mm: float) -> None:
    rays = along((0.3, -1.0, 0.2), size=9, spacing_mm=30.0, source_mm=source_mm)
    x, y = rays.project(points_along(rays, 7, 2, np.array([650.0, 900.0])))
    np.testing.assert_allclose(x, rays.across[2], atol=1e-9)
    np.testing.assert_allclose(y, rays.down[7], atol=1e-9)


def test_lengths_are_those_of_the_steps() -> None:
    rays = along((0.0, 1.0, 0.0), size=5, spacing_mm=100.0, source_mm=1000.0)
    ends = points_along(rays, 0, 4, np.array([0.0, 1000.0]))
    assert rays.lengths()[0, 4] * 1000.0 == pytest.approx(np.linalg.norm(ends[1] - ends[0]))
    assert rays.lengths()[2, 2] == 1.0


@pytest.mark.parametrize(
    ("rays", "towards_left", "what"),
    [
        (rays_at(STILL), (-1, 0, 0), "the patient's left is on the right of the picture"),
        (rays_at(BEDSIDE), (-1, 0, 0), "and in bed as well"),
        (rays_at(LATERAL), (0, -1, 0), "in a lateral view the back is on the right"),
    ],
)
def test_pictures_are_hung_as_usual(rays: Rays, towards_left: tuple[float, float, float], what: str) -> None:
    x, y = rays.project(np.array([(0.0, 0.0, 0.0), towards_left, (0.0, 0.0, 1.0)]))
    assert x[1] > x[0], what
    assert y[2] < y[0], "the head is on top"


def test_what_is_far_from_the_detector_is_magnified() -> None:
    """In bed the heart is in front and the detector behind: by similar triangles."""
    heart = np.array([0.0, 30.0, -70.0])
    standing, lying = rays_at(STILL), rays_at(BEDSIDE)
    assert standing.magnification(heart) == pytest.approx(1800.0 / dot(heart - standing.base, standing.normal))
    assert lying.magnification(heart) > 1.15
    assert 1.0 < standing.magnification(heart) < 1.1


def test_leaning_back_throws_the_front_upwards() -> None:
    front, back = np.array([[0.0, 60.0, 60.0], [0.0, -60.0, 60.0]])
    for tilt in (5.0, 15.0):
        rays = rays_at(replace(BEDSIDE, tilt_deg=tilt, source_mm=FAR))
        (_, high), (_, low) = rays.project(front), rays.project(back)
        assert low - high == pytest.approx(120.0 * np.sin(np.radians(tilt)))


def test_turning_the_right_side_forward_moves_the_front_to_the_left() -> None:
    rays = rays_at(replace(STILL, rotation_deg=10.0, source_mm=FAR))
    x, _ = rays.project(np.array([[0.0, 60.0, 0.0], [0.0, -60.0, 0.0]]))
    assert x[0] - x[1] == pytest.approx(120.0 * np.sin(np.radians(10.0)))


def test_a_shift_moves_the_picture_and_nothing_else() -> None:
    point = np.array([30.0, 0.0, 50.0])
    far = replace(STILL, source_mm=FAR)
    moved = rays_at(replace(far, shift_mm=(12.0, -7.0)))
    (x, y), (x0, y0) = moved.project(point), rays_at(far).project(point)
    assert (x - x0, y - y0) == pytest.approx((12.0, -7.0))


def test_axes_stay_perpendicular_whatever_the_pose() -> None:
    rays = rays_at(replace(BEDSIDE, rotation_deg=9.0, tilt_deg=14.0, roll_deg=-6.0))
    axes = np.stack([rays.across_axis, rays.down_axis, rays.normal])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(unit(cross(rays.across_axis, rays.down_axis)), rays.normal, atol=1e-15)


def test_windows_hold_what_they_should() -> None:
    rays = along((0.0, 1.0, 0.0), size=50, spacing_mm=2.0)
    rows, columns = rays.cover(np.array([-5.0, 9.0]), np.array([30.0, 31.0]))
    for places, low, high in ((rays.across[columns], -5.0, 9.0), (rays.down[rows], 30.0, 31.0)):
        assert places.min() <= low
        assert places.max() >= high
    assert rays.window((rows, columns)).shape == (rows.stop - rows.start, columns.stop - columns.start)
    beside = rays.cover(np.array([400.0, 410.0]), np.array([0.0, 1.0]))
    assert rays.window(beside).shape[1] <= 1


def test_pixel_centres_lie_around_zero() -> None:
    assert centred(4, 2.0).tolist() == [-3.0, -1.0, 1.0, 3.0]
