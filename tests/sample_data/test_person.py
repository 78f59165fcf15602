"""People: ages of a known distribution, and measures that do not depend on who else comes."""

from __future__ import annotations

from dataclasses import asdict, replace
from statistics import mean

import numpy as np
import pytest
from bodies import person
from two_hospitals.exact import Stream
from two_hospitals.person import AgeMix, draw_person
from two_hospitals.trunk import muscle_of, skin_of, spine_y

YOUNG, OLD = AgeMix(mean=35.0, sd=10.0), AgeMix(mean=75.0, sd=12.0)
ON_AGE = {"age", "bmi", "heart_ratio", "aorta", "bone_density", "kyphosis", "lung_density"}
"""What depends on the age itself; other measures change with the body mass index."""


def test_shares_of_ages_follow_the_formula() -> None:
    shares = OLD.shares()
    assert list(shares) == list(range(18, 96))
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert shares[87] / shares[75] == pytest.approx(np.exp(-0.5))
    assert shares[60] == pytest.approx(shares[90])


def test_ages_are_drawn_as_often_as_their_shares_say() -> None:
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    ages = [OLD.age_at(float(quantile)) for quantile in quantiles]
    for age, share in OLD.shares().items():
        assert ages.count(age) / 20_000 == pytest.approx(share, abs=1e-4)
    assert OLD.age_at(1.0) == 95


def test_another_age_mix_changes_only_what_depends_on_age() -> None:
    for key in range(20):
        young, old = (draw_person(Stream("mix", key), ages=ages) for ages in (YOUNG, OLD))
        assert young.age < old.age
        same = {name for name, value in asdict(young).items() if asdict(old)[name] == value}
        assert {"sex", "height", "rib_slope", "rib_height", "left_dome", "vessel_seed"} <= same
        assert not same & {"age", "heart_ratio", "aorta"}


def test_the_same_key_gives_the_same_person() -> None:
    assert person(3) == person(3)
    assert person(3) != person(4)


def test_people_measure_what_people_measure() -> None:
    people = [person(key) for key in range(300)]
    women, men = ([one for one in people if one.sex == sex] for sex in "FM")
    assert 110 < len(women) < 190
    assert 1690 < mean(one.height for one in men) < 1810
    assert 1570 < mean(one.height for one in women) < 1690
    assert 24 < mean(one.bmi for one in people) < 29
    assert 0.42 < mean(one.heart_ratio for one in people) < 0.48
    assert all(one.breast > 0 for one in women)
    assert all(one.breast == 0 for one in men)
    assert all(0.5 < one.bone_density < 1.3 and 0.15 < one.lung_density < 0.33 for one in people)
    assert all(205 < 2 * one.thorax_half_width < 360 and one.fat >= 4 for one in people)


def test_hearts_widen_and_bones_fade_with_age() -> None:
    young, old = ([draw_person(Stream("age", key), ages=ages) for key in range(50)] for ages in (YOUNG, OLD))
    for name, sign in (("heart_ratio", 1), ("aorta", 1), ("kyphosis", 1), ("bone_density", -1)):
        assert sign * (mean(getattr(one, name) for one in old) - mean(getattr(one, name) for one in young)) > 0


def test_the_skin_encloses_the_muscle() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform((-260, -200, -200), (260, 200, 200), (20_000, 3))
    for key in range(8):
        one = person(key)
        for arms in (True, False):
            inside = np.any([solid.contains(points) for solid in muscle_of(one, arms=arms)], axis=0)
            outside = ~np.any([solid.contains(points) for solid in skin_of(one, arms=arms)], axis=0)
            assert inside.any()
            assert not (inside & outside).any()


def test_the_upper_back_is_rounder_with_kyphosis() -> None:
    z = np.array([-60.0, 120.0])
    bent = spine_y(replace(person(), kyphosis=30.0), z) - spine_y(replace(person(), kyphosis=0.0), z)
    assert bent[0] == 0.0
    assert bent[1] > 25.0
