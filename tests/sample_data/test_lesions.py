"""Foci of pneumonia: of every size and density, known volume, and none of them where a lung is not."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest
from bodies import BEDSIDE, STILL, person
from two_hospitals.exact import Stream
from two_hospitals.lesions import SHELLS, Lesion, draw_lesions, shells_of
from two_hospitals.rays import LEFT, RIGHT
from two_hospitals.thorax import thorax_of

ROUND = Lesion(side=RIGHT, across=0.2, front=0.0, height=0.5, radii_mm=(12.0, 15.0, 18.0), density=0.8)


def many(severity: float, count: int = 150) -> list[tuple[Lesion, ...]]:
    return [draw_lesions(Stream("foci", key), person(), severity=severity) for key in range(count)]


def test_the_volume_is_that_of_the_nested_ellipsoids() -> None:
    """Counted on a grid of millimetres."""
    shells = shells_of(ROUND, thorax_of(person(), STILL))
    centre = shells[0][0].centre
    grid = np.stack(np.meshgrid(*[np.arange(-26.0, 26.5, 1.0)] * 3, indexing="ij"), axis=-1) + centre + 0.21
    filled = np.sum([density * shell.contains(grid) for shell, density in shells], axis=0)
    assert ROUND.volume_ml == pytest.approx(filled.sum() / 1000.0, rel=0.01)
    assert filled.max() == pytest.approx(ROUND.density)


def test_half_the_density_is_reached_at_the_radii() -> None:
    for (shell, _), size in zip(shells_of(ROUND, thorax_of(person(), STILL)), SHELLS, strict=True):
        assert shell.depth(shell.centre + size * np.array([12.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert sum(size < 1 for size in SHELLS) == len(SHELLS) / 2


@pytest.mark.parametrize("severity", [0.0, 0.3, 1.0])
def test_foci_are_within_their_bounds(severity: float) -> None:
    for lesions in many(severity):
        assert 1 <= len(lesions) <= 5
        for lesion in lesions:
            assert lesion.side in {LEFT, RIGHT}
            assert 0.05 <= lesion.density <= 0.95
            assert math.hypot(lesion.across - 0.1, lesion.front + 0.1) <= 0.8 + 1e-12
            assert min(lesion.radii_mm) > 1.0


def test_more_severe_disease_is_larger_denser_and_of_more_foci() -> None:
    slight, severe = many(0.1), many(0.9)
    for measure in (len, lambda foci: foci[0].density, lambda foci: foci[0].volume_ml):
        assert mean(map(measure, severe)) > 1.3 * mean(map(measure, slight))
    # Continuous: some severe cases are smaller than some slight ones.
    assert min(foci[0].volume_ml for foci in severe) < max(foci[0].volume_ml for foci in slight)


def test_severity_changes_neither_the_side_nor_the_place_of_the_first_focus() -> None:
    for slight, severe in zip(many(0.1, 30), many(0.9, 30), strict=True):
        assert all(
            getattr(slight[0], name) == getattr(severe[0], name) for name in ("side", "across", "front", "height")
        )


def test_the_same_key_gives_the_same_foci() -> None:
    assert many(0.5, 3) == many(0.5, 3)
    assert len(set(many(0.5, 30))) == 30


@pytest.mark.parametrize("severity", [-0.1, 1.1, math.nan])
def test_impossible_severity_is_refused(severity: float) -> None:
    with pytest.raises(ValueError, match="is not between 0 and 1"):
        draw_lesions(Stream(0), person(), severity=severity)


def test_a_place_in_the_lung_keeps_to_the_lung_as_the_diaphragm_moves() -> None:
    deep, shallow = (thorax_of(person(), replace(BEDSIDE, inspiration=breath)) for breath in (0.0, -40.0))
    for side in (RIGHT, LEFT):
        assert shallow.domes[side] == pytest.approx(deep.domes[side] + 40.0)
        for thorax in (deep, shallow):
            places = [(0.0, 0.0, 0.9), (0.5, -0.3, 0.5), (0.4, 0.5, 0.3)]
            points = [thorax.point_in_lung(side, across=a, front=f, height=h) for a, f, h in places]
            assert all(np.sign(point[0]) == side for point in points)
            assert thorax.in_lung(np.array(points), side).all()
            assert not thorax.in_lung(np.array(points), -side).any()
        assert shallow.point_in_lung(side, across=0, front=0, height=0)[2] == pytest.approx(shallow.domes[side])
