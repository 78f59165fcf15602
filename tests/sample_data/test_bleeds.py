"""Bleeds: of the volume that was meant, of their kind's shape, where their kind lies, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from two_hospitals.bleeds import KINDS, Bleed, blood_fraction, draw_bleed, with_blood
from two_hospitals.ct import Protocol
from two_hospitals.exact import Stream
from two_hospitals.head import Head, HeadImage, draw_head, image_head

PROTOCOL = Protocol(slices=29, pixels=96, pixel_mm=2.4, thickness_mm=5.0)
VOXEL_ML = 2.4 * 2.4 * 5.0 / 1000


@pytest.fixture(scope="module")
def head() -> Head:
    return draw_head(Stream("bleeding head"), sex="F", age=70)


@pytest.fixture(scope="module")
def image(head: Head) -> HeadImage:
    return image_head(head, PROTOCOL.grid())


@pytest.fixture(scope="module")
def bleeds(head: Head) -> list[Bleed]:
    return [draw_bleed(Stream("bleed", number), head) for number in range(80)]


def one(bleeds: list[Bleed], kind: str, **changes: object) -> Bleed:
    return replace(next(bleed for bleed in bleeds if bleed.kind == kind), **changes)


def test_all_kinds_and_sizes_are_drawn(bleeds: list[Bleed]) -> None:
    assert {bleed.kind for bleed in bleeds} == set(KINDS)
    volumes = np.array([bleed.volume_ml for bleed in bleeds])
    assert volumes.min() < 1
    assert volumes.max() > 30
    assert abs(np.median(np.log(volumes)) - np.log(np.sqrt(0.3 * 60))) < 0.6
    numbers = np.array([bleed.hu for bleed in bleeds])
    assert numbers.min() >= 50
    assert numbers.max() <= 80
    assert {bleed.centre[0] > 0 for bleed in bleeds} == {True, False}


@pytest.mark.parametrize("volume_ml", [0.5, 5.0, 20.0])
@pytest.mark.parametrize(
    ("kind", "centre"),
    [("epidural", (0.95, 0.1, 0.35)), ("subdural", (-0.95, 0.05, 0.4)), ("intracerebral", (30.0, -5.0, 25.0))],
)
def test_a_bleed_with_room_has_its_volume(
    image: HeadImage, bleeds: list[Bleed], kind: str, centre: tuple[float, float, float], volume_ml: float
) -> None:
    bleed = one(bleeds, kind, volume_ml=volume_ml, centre=centre)
    if kind == "intracerebral":
        smooth = replace(bleed.rough, values=0 * bleed.rough.values)
        bleed = replace(bleed, proportions=(1.0, 1.0, 1.0), rough=smooth)
    drawn = blood_fraction(image, bleed).sum() * VOXEL_ML
    assert drawn == pytest.approx(volume_ml, rel=0.2)


def test_blood_lies_where_its_kind_lies(image: HeadImage, bleeds: list[Bleed]) -> None:
    for bleed in bleeds[:30]:
        blood = blood_fraction(image, bleed)
        assert (blood <= image.cavity + 1e-12).all()
        found = blood > 0
        if bleed.kind in {"epidural", "subdural"}:
            assert image.depth[found & (blood > 0.9)].min(initial=99) > -1
            assert image.depth[found].max() < 35
            assert (np.sign(image.points.x[blood > 0.5]) == np.sign(bleed.centre[0])).all()
        if bleed.kind == "subarachnoid":
            assert (blood <= image.subarachnoid + 1e-12).all()
        if bleed.kind == "intracerebral":
            assert (blood <= image.brain + 1e-12).all()


def test_lenses_are_thicker_and_shorter_than_crescents(image: HeadImage, bleeds: list[Bleed]) -> None:
    middle = (0.95, 0.05, 0.4)
    extent, thickness = {}, {}
    for kind in ("epidural", "subdural"):
        blood = blood_fraction(image, one(bleeds, kind, volume_ml=20.0, centre=middle, turn_degrees=0.0)) > 0.3
        extent[kind] = float(np.ptp(image.points.y[blood]))
        thickness[kind] = float(image.depth[blood].max())
    assert extent["subdural"] > 1.4 * extent["epidural"]
    assert thickness["epidural"] > 1.4 * thickness["subdural"]


def test_only_the_voxels_with_blood_change(image: HeadImage, bleeds: list[Bleed]) -> None:
    for kind in KINDS:
        bleed = one(bleeds, kind, volume_ml=10.0)
        blood = blood_fraction(image, bleed)
        hu = with_blood(image, blood, bleed.hu)
        np.testing.assert_array_equal(hu[blood == 0], image.hu[blood == 0])
        full = (blood > 0.999) & (image.cavity == 1)
        np.testing.assert_allclose(hu[full], bleed.hu, atol=0.3)


def test_small_bleeds_drown_in_partial_volume(image: HeadImage, bleeds: list[Bleed]) -> None:
    """A third of a millilitre below the skull is thinner than a voxel: it never shows its own CT number."""
    bleed = one(bleeds, "subdural", volume_ml=0.3, centre=(0.95, 0.05, 0.4), hu=55.0)
    blood = blood_fraction(image, bleed)
    assert 0 < blood.max() < 0.75
