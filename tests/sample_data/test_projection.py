"""Projections: mass is conserved in every direction, and each ray meets what lies on its line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bodies import BEDSIDE, FAR, LATERAL, STILL, along, person, points_along, rays_at, share_inside
from two_hospitals.exact import Stream
from two_hospitals.exposure import aim
from two_hospitals.lesions import SHELLS, Lesion, draw_lesions
from two_hospitals.projection import (
    ADIPOSE_DENSITY,
    BONE_DENSITY,
    MU_ADIPOSE,
    MU_BONE,
    MU_SOFT,
    SOFT_DENSITY,
    Integrals,
    line_integrals,
    project,
)
from two_hospitals.rays import LEFT, RIGHT, Rays
from two_hospitals.skeleton import plates_of, tubes_of
from two_hospitals.thorax import Thorax, stomach_gas, thorax_of
from two_hospitals.trunk import muscle_of, skin_of
from two_hospitals.tubes import Tubes
from two_hospitals.vessels import airways_of, vessels_of

if TYPE_CHECKING:
    from two_hospitals.exposure import Exposure
    from two_hospitals.rays import Rays
    from two_hospitals.thorax import Thorax
    from two_hospitals.tubes import Tubes

LUNG = Lesion(side=RIGHT, across=0.2, front=0.0, height=0.45, radii_mm=(12.0, 12.0, 12.0), density=0.8)
BEHIND_HEART = replace(LUNG, side=LEFT, across=0.05, front=-0.65, height=0.2)
BELOW_DOME = replace(LUNG, height=-0.35, across=0.0, front=0.3)
COARSE = {"shape": (100, 100), "spacing_mm": 4.0}


def share_of_air() -> float:
    return 1.0 - person().lung_density / SOFT_DENSITY


@pytest.mark.parametrize("direction", [(0, 1, 0), (0, -1, 0), (0.5, 0.8, 0.1), (0.1, 1, -0.3)])
def test_bone_and_foci_hold_the_same_mass_in_every_direction(direction: tuple[float, float, float]) -> None:
    thorax = thorax_of(person(), STILL)

    def masses(rays: Rays) -> np.ndarray:
        made = project(rays, thorax, (LUNG,), arms=False)
        return np.array([made.bone_mm.sum(), made.lesion_mm.sum()]) * made.spacing_mm**2

    # Wide enough to hold the whole skeleton from C5 to L2.
    expected = masses(along((-1, 0, 0), size=440, spacing_mm=1.5))
    np.testing.assert_allclose(masses(along(direction, size=440, spacing_mm=1.5)), expected, rtol=4e-3)
    fluid = LUNG.volume_ml * 1000 * share_of_air()
    assert expected[1] == pytest.approx(fluid, rel=4e-3)


def test_the_fluid_that_is_reported_is_what_the_image_holds() -> None:
    parallel = project(along((0, 1, 0), size=300, spacing_mm=1.0), thorax_of(person(), STILL), (LUNG,), arms=True)
    assert parallel.lesion_ml * 1000 == pytest.approx(parallel.lesion_mm.sum(), rel=1e-9)
    standing = line_integrals(person(), STILL, (LUNG,), shape=(400, 400), spacing_mm=1.0)
    assert standing.lesion_ml == pytest.approx(LUNG.volume_ml * share_of_air(), rel=0.01)


@pytest.mark.parametrize("exposure", [STILL, BEDSIDE, LATERAL])
def test_a_focus_adds_its_chord_times_its_density(exposure: Exposure) -> None:
    """A ball of radius r crossed in the middle: 2 r · mean shell · density · share of air."""
    made = line_integrals(person(), exposure, (LUNG,), shape=(300, 300), spacing_mm=1.3)
    chord = 2 * 12.0 * sum(SHELLS) / len(SHELLS) * LUNG.density * share_of_air()
    assert made.lesion_mm.max() == pytest.approx(chord, rel=5e-3)
    difference = made.attenuation() - made.attenuation(lesions=False)
    np.testing.assert_allclose(difference, MU_SOFT * made.lesion_mm, atol=1e-12)


def test_foci_replace_air_and_nothing_else() -> None:
    """One behind the heart keeps its mass, one below the diaphragm has hardly any air to replace."""
    kept, hidden, lost = (
        line_integrals(person(), replace(STILL, source_mm=FAR), (lesion,), shape=(300, 300), spacing_mm=1.3)
        for lesion in (LUNG, BEHIND_HEART, BELOW_DOME)
    )
    assert hidden.lesion_ml > 0.6 * kept.lesion_ml
    row, column = np.unravel_index(hidden.lesion_mm.argmax(), hidden.lesion_mm.shape)
    assert hidden.soft_mm[row, column] > 1.2 * kept.soft_mm.flat[kept.lesion_mm.argmax()]
    assert lost.lesion_ml < 0.05 * kept.lesion_ml


def test_overlapping_foci_fill_no_air_twice() -> None:
    near = replace(LUNG, across=0.25, density=0.9)
    made = line_integrals(person(), STILL, (LUNG, near), shape=(300, 300), spacing_mm=1.3)
    again = line_integrals(person(), STILL, (LUNG, LUNG), shape=(300, 300), spacing_mm=1.3)
    one = line_integrals(person(), STILL, (LUNG,), shape=(300, 300), spacing_mm=1.3)
    assert again.lesion_ml == pytest.approx(one.lesion_ml, abs=1e-6)
    assert one.lesion_ml < made.lesion_ml < 1.6 * one.lesion_ml


@pytest.mark.parametrize("key", range(6))
@pytest.mark.parametrize("exposure", [STILL, BEDSIDE, LATERAL])
def test_nothing_is_taken_from_where_there_is_nothing(key: int, exposure: Exposure) -> None:
    """Bones, lungs and gas lie inside the muscle, muscle inside the skin."""
    one = person(key)
    lesions = draw_lesions(Stream("foci", key), one, severity=0.9)
    made = line_integrals(one, exposure, lesions, **COARSE)
    assert made.adipose_mm.min() >= -1e-9
    assert made.soft_mm.min() >= -1e-6
    assert made.bone_mm.min() + 1e-9 >= 0
    assert made.bone_mm.max() < 80
    assert (made.lesion_mm >= 0).all()


def density_at(points: np.ndarray, thorax: Thorax, vessels: Tubes, bones: Tubes, airways: Tubes) -> np.ndarray:
    """Fat, soft tissue and bone at points, from which solids contain them: `3 point`."""
    one = thorax.person
    skin, muscle = (
        np.any([solid.contains(points) for solid in solids], axis=0)
        for solids in (skin_of(one, arms=True), muscle_of(one, arms=True))
    )
    bone = share_inside(bones, points)
    for plate, weight in plates_of(one, arms=True):
        bone += weight * plate.contains(points)
    gas = share_inside(airways, points) + stomach_gas(thorax).contains(points)
    air = sum(thorax.in_lung(points, side) for side in (RIGHT, LEFT)) - share_inside(vessels, points)
    return np.stack([skin & ~muscle, muscle - bone - gas - share_of_air() * air, bone])


@pytest.mark.parametrize("exposure", [STILL, BEDSIDE])
def test_each_ray_meets_what_lies_on_its_line(exposure: Exposure) -> None:
    """Against adding up the materials at points half a millimetre apart."""
    one = person()
    # A little off the middle: a ray exactly between two mirrored bones would be in both.
    rays = aim(one, replace(exposure, shift_mm=(3.0, 0.0)), shape=(7, 9), spacing_mm=41.0)
    thorax = thorax_of(one, exposure)
    made = project(rays, thorax, (), arms=True)
    tubes = vessels_of(thorax), tubes_of(one, arms=True), airways_of(one)
    t = np.arange(rays.source_mm - 460.0, rays.source_mm, 0.5) + 0.123
    for place in [(1, 2), (2, 6), (3, 4), (3, 5), (4, 2), (4, 5), (5, 6), (2, 4), (0, 4)]:
        points = points_along(rays, *place, t)
        fat, soft, bone = density_at(points, thorax, *tubes).sum(axis=1) * 0.5 * rays.lengths()[place]
        assert made.adipose_mm[place] == pytest.approx(fat, abs=2.5)
        assert made.soft_mm[place] == pytest.approx(soft, abs=2.5)
        assert made.bone_mm[place] == pytest.approx(bone, abs=1.5)


def test_a_heart_in_front_is_wider_at_the_bedside() -> None:
    """The shadow of the heart over that of the thorax, by the magnification at their depths."""
    one = person()
    heart = thorax_of(one, STILL).cuts[LEFT][1]
    widths = []
    for exposure in (STILL, BEDSIDE):
        x, _ = rays_at(exposure).project(heart.centre + np.array([[-50.0, 0, 0], [50.0, 0, 0]]))
        widths.append(abs(x[1] - x[0]))
    assert widths[1] > 1.05 * widths[0] > 105.0


def test_vessels_grow_inside_the_lung_and_a_breath_only_cuts_them_off() -> None:
    one = person()
    deep, shallow = (thorax_of(one, replace(STILL, inspiration=breath)) for breath in (0.0, -35.0))
    trees = [vessels_of(thorax) for thorax in (deep, shallow)]
    assert len(trees[0]) > 500
    for thorax, tree in zip((deep, shallow), trees, strict=True):
        axis = tree.ends[:, 0]
        inside = thorax.in_lung(tree.middle + 4.0 * axis, RIGHT) | thorax.in_lung(tree.middle + 4.0 * axis, LEFT)
        assert inside.mean() > 0.9
    starts = [{tuple(point) for point in tree.middle} for tree in trees]
    assert starts[1] < starts[0]


def test_denser_bones_and_more_fat_show() -> None:
    one = person()
    made = line_integrals(one, STILL, (), **COARSE)
    dense = line_integrals(replace(one, bone_density=1.2 * one.bone_density), STILL, (), **COARSE)
    np.testing.assert_allclose(dense.bone_mm, 1.2 * made.bone_mm, rtol=1e-9)
    fat = line_integrals(replace(one, fat=one.fat + 20.0), STILL, (), **COARSE)
    assert fat.adipose_mm[50, 30] > made.adipose_mm[50, 30] + 20.0
    np.testing.assert_allclose(fat.bone_mm.sum(), made.bone_mm.sum(), rtol=0.02)


def test_attenuation_is_the_sum_over_materials() -> None:
    one = np.ones((4, 4))
    made = Integrals(
        adipose_mm=2 * one,
        soft_mm=3 * one,
        bone_mm=5 * one,
        lesion_mm=0 * one,
        lead_mm=0 * one,
        spacing_mm=1.0,
        lesion_ml=0.0,
    )
    assert made.attenuation()[0, 0] == pytest.approx(2 * MU_ADIPOSE + 3 * MU_SOFT + 5 * MU_BONE)
    # NIST, 60 keV: μ of soft tissue, fat and compact bone, 1/cm.
    assert [10 * mu for mu in (MU_SOFT, MU_ADIPOSE, MU_BONE)] == pytest.approx([0.2171, 0.1875, 0.6044], rel=1e-3)
    assert ADIPOSE_DENSITY < SOFT_DENSITY < BONE_DENSITY
