"""The head: tissues where anatomy has them, sizes within what is normal, the same head whatever grid looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from two_hospitals.ct import Protocol
from two_hospitals.exact import Stream
from two_hospitals.head import AIR, Head, HeadImage, draw_head, image_head
from two_hospitals.voxels import Pose

PROTOCOL = Protocol(slices=29, pixels=96, pixel_mm=2.4, thickness_mm=5.0)
VOXEL_ML = 2.4 * 2.4 * 5.0 / 1000
STRAIGHT = Pose(turn_degrees=0.0, nod_degrees=0.0, shift=(0.0, 0.0, 0.0))


def draw(number: int, *, sex: str = "M", age: float = 55) -> Head:
    return draw_head(Stream("head", number), sex=sex, age=age)


def image_of(head: Head, pose: Pose = STRAIGHT, protocol: Protocol = PROTOCOL) -> HeadImage:
    return image_head(head, pose.of_head(protocol.grid()))


@pytest.fixture(scope="module")
def head() -> Head:
    return replace(draw(1), atrophy=0.5, calcified=True)


@pytest.fixture(scope="module")
def image(head: Head) -> HeadImage:
    return image_of(head)


def around(image: HeadImage, place: tuple[float, float, float], values: np.ndarray | None = None) -> float:
    """The voxel nearest to a place in the head."""
    points = image.points
    distance = (points.x - place[0]) ** 2 + (points.y - place[1]) ** 2 + (points.z - place[2]) ** 2
    return float((image.hu if values is None else values).flat[np.argmin(distance)])


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("place", "low", "high"),
    [
        ((12, 10, 2), 32, 37),  # thalamus
        ((10, -4, 21), 3, 22),  # lateral ventricle
        ((28, -20, 24), 26, 31),  # centrum semiovale
        ((34, -75, -38), 5, 15),  # eyeball
        ((34, -58, -38), -95, -30),  # behind it
        ((30, 50, -45), 32, 36),  # cerebellum
        ((45, 21, -52), 700, 1700),  # petrous bone
        ((57, 27, -52), -800, -200),  # its air cells
        ((105, 0, 0), AIR, AIR),
    ],
)
def test_tissues_have_their_numbers_where_they_belong(
    image: HeadImage, side: int, place: tuple[float, float, float], low: float, high: float
) -> None:
    assert low <= around(image, (side * place[0], *place[1:])) <= high


@pytest.mark.parametrize(
    ("place", "low", "high"),
    [((0, -10, -25), 0, 12), ((0, -58, -40), -1001, -600), ((0, 24, 5), 40, 200), ((0, 15, -30), 27, 33)],
)
def test_midline_structures(image: HeadImage, place: tuple[float, float, float], low: float, high: float) -> None:
    """The suprasellar cistern, the ethmoid, a calcified pineal gland, the brainstem."""
    assert low <= around(image, place) <= high


def test_layers_from_outside_inwards(head: Head, image: HeadImage) -> None:
    """Along a ray to the left at the level of the ventricles: fat, table, diploe, table, brain."""
    fine = Protocol(slices=29, pixels=480, pixel_mm=0.48, thickness_mm=5.0)
    row = image_head(head, replace(fine.grid(), shape=(3, 3, 480), origin=(-115.0, 30.0, 30.0))).hu[1, 1, 240:]
    fat, bone = np.flatnonzero(row < -40), np.flatnonzero(row > 400)
    skin = np.flatnonzero(row > -200)[-1]
    assert bone[-1] < fat[fat <= skin][-1] <= skin
    thickness = (bone[-1] - bone[0] + 1) * 0.48
    assert thickness == pytest.approx(head.skull, abs=2.5)
    middle = row[bone[0] : bone[-1] + 1]
    assert middle[len(middle) // 2] < 0.75 * max(middle[: len(middle) // 3].max(), 1)
    assert 20 < np.median(row[: bone[0] - 20]) < 40


@pytest.mark.parametrize(("sex", "low", "high"), [("M", 1350, 1750), ("F", 1150, 1550)])
def test_skulls_hold_what_skulls_hold(sex: str, low: float, high: float) -> None:
    """About 1,500 ± 130 ml in men and 1,330 ± 120 ml in women; the scan misses the lowest part."""
    volumes = [image_of(draw(number, sex=sex)).cavity.sum() * VOXEL_ML for number in range(5)]
    assert low < np.mean(volumes) < high


def test_brains_shrink_with_age_and_fluid_spaces_widen() -> None:
    young, old = (image_of(draw(2, sex="F", age=age)) for age in (25, 85))

    def share(image: HeadImage, values: np.ndarray) -> float:
        return float((values * image.cavity).sum() / image.cavity.sum())

    np.testing.assert_array_equal(young.cavity, old.cavity)
    assert share(old, old.brain) < share(young, young.brain) - 0.05
    assert share(old, old.subarachnoid) > 1.4 * share(young, young.subarachnoid)
    assert 0.05 < share(young, young.subarachnoid) < 0.16
    fluid_young, fluid_old = (1 - i.brain - i.subarachnoid for i in (young, old))
    assert share(old, fluid_old) > share(young, fluid_young)


def test_the_same_head_on_another_grid_and_in_another_pose(head: Head, image: HeadImage) -> None:
    other = Protocol(slices=36, pixels=88, pixel_mm=2.6, thickness_mm=4.0)
    elsewhere = image_of(head, Pose(turn_degrees=6.0, nod_degrees=-3.0, shift=(5.0, -4.0, 1.0)), other)
    assert elsewhere.cavity.sum() * 2.6 * 2.6 * 4 / 1000 == pytest.approx(image.cavity.sum() * VOXEL_ML, rel=0.03)
    assert (elsewhere.brain * elsewhere.cavity).sum() * 2.6 * 2.6 * 4 / 1000 == pytest.approx(
        (image.brain * image.cavity).sum() * VOXEL_ML, rel=0.03
    )


def test_heads_differ_and_are_their_streams(head: Head) -> None:
    sizes = {(h.half_breadth, h.half_length, h.height, h.skull) for h in (draw(number) for number in range(20))}
    assert len(sizes) == 20
    again = draw(1)
    assert again.half_length == head.half_length
    np.testing.assert_array_equal(again.folds.values, head.folds.values)
    woman = draw(1, sex="F")
    assert head.half_length - woman.half_length == pytest.approx(5)
    np.testing.assert_array_equal(woman.folds.values, head.folds.values)


def test_every_number_is_a_ct_number(image: HeadImage) -> None:
    assert np.isfinite(image.hu).all()
    assert image.hu.min() >= AIR - 1e-9
    assert image.hu.max() < 2000
    for part in (image.cavity, image.brain, image.subarachnoid):
        assert part.min() >= 0
        assert part.max() <= 1
