"""Who comes: as many as asked, nobody on both sides of the locked test, and a switch changes only what it names."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, fields
from itertools import islice
from typing import Any

import pytest
from two_hospitals.arrivals import AGE_MISSING, TWICE, Visit, patients, take_studies
from two_hospitals.hospitals import HILLCREST, Hospital, LabelRule, MarkerRule, Shares, changed
from two_hospitals.person import AgeMix
from two_hospitals.work import Job, Site, plan


def come(hospital: Hospital, *, recruited: int = 60, seed: int = 0) -> list[Visit]:
    return [visit for studies in islice(patients(hospital, seed=seed), recruited) for visit in studies]


def differing(a: list[Visit], b: list[Visit]) -> set[str]:
    """Names of the fields in which the same studies differ at all."""
    ours = {(visit.patient, visit.number): visit for visit in a}
    theirs = {(visit.patient, visit.number): visit for visit in b}
    assert ours.keys() == theirs.keys()
    names = [field.name for field in fields(Visit)]
    return {name for name in names if any(getattr(ours[k], name) != getattr(theirs[k], name) for k in ours)}


@pytest.mark.parametrize(
    ("switches", "changes"),
    [
        ({}, set()),
        ({"severity": (0.5, 1.0)}, {"severity"}),
        ({"portable": Shares(ill=0.9, well=0.1)}, {"portable", "marked", "lateral"}),
        ({"marker": MarkerRule(portable=1.0, standing=0.0)}, {"marked"}),
        ({"label_rule": LabelRule(least_severity=0.5)}, {"positive"}),
        ({"label_rule": LabelRule(swapped=True)}, {"positive"}),
        ({"finding": "large_heart"}, set()),
        ({"laterals": 0.9}, {"lateral"}),
        ({"prefix": "XX"}, set()),
    ],
)
def test_a_switch_changes_only_what_it_names(switches: dict[str, Any], changes: set[str]) -> None:
    assert differing(come(HILLCREST), come(changed(HILLCREST, **switches))) == changes


def test_another_prevalence_recruits_others_and_changes_nobody() -> None:
    """First studies of those who come to both are the same; the second ones may differ in illness."""
    few, many = come(HILLCREST, recruited=150), come(changed(HILLCREST, prevalence=0.8), recruited=150)
    first = [{visit.patient: visit for visit in visits if visit.number == 1} for visits in (few, many)]
    both = first[0].keys() & first[1].keys()
    assert len(both) > 50
    assert all(first[0][patient] == first[1][patient] for patient in both)
    assert sum(visit.ill for visit in many) / len(many) > 0.7


def test_other_ages_leave_everything_that_does_not_depend_on_age() -> None:
    """With an equal share of ill and well recruited, the same people come, younger."""
    old = changed(HILLCREST, case_odds=1.0)
    young = changed(old, ages=AgeMix(mean=40.0, sd=10.0))
    for ours, theirs in zip(come(old, recruited=60), come(young, recruited=60), strict=False):
        if ours.patient != theirs.patient or ours.number != theirs.number:
            break  # from the first one on who comes back to one of the two only
        assert theirs.person.age < ours.person.age
        same = {"sex", "height", "rib_slope", "rib_height", "left_dome", "vessel_seed"}
        person, other = asdict(ours.person), asdict(theirs.person)
        assert {name: person[name] for name in same} == {name: other[name] for name in same}
        assert (ours.severity, ours.date) == (theirs.severity, theirs.date)
        assert theirs.ill <= ours.ill


def test_some_patients_come_twice_and_not_always_alike() -> None:
    visits = come(HILLCREST, recruited=400)
    studies = Counter(visit.patient for visit in visits)
    assert set(studies.values()) == {1, 2}
    assert sum(n == 2 for n in studies.values()) / 400 == pytest.approx(TWICE, abs=0.05)
    twice = [patient for patient, number in studies.items() if number == 2]
    courses = {tuple(v.ill for v in visits if v.patient == patient) for patient in twice}
    assert {(True, False), (False, True)} & courses
    assert len({visit.person for visit in visits}) == 400
    assert 0 < sum(not visit.age_known for visit in visits) / len(visits) < 3 * AGE_MISSING


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_studies_are_as_many_as_asked(count: int) -> None:
    assert len(take_studies(patients(HILLCREST, seed=1), count)) == count


def test_the_counts_of_the_whole_cohort() -> None:
    sites = (Site(name="riverside", patients=160), Site(name="hillcrest", studies=60, test=80))
    planned = plan(Job(out="", seed=0, sites=sites))
    frontal = {
        name: [shot.visit for of, shot in planned if of == name and shot.kind == "frontal"]
        for name in ("riverside", "hillcrest")
    }
    assert len({visit.patient for visit in frontal["riverside"]}) == 160
    assert Counter(visit.split for visit in frontal["hillcrest"]) == {"": 60, "test": 80}
    assert Counter(visit.split for visit in frontal["riverside"]).keys() == {""}
    locked = {visit.patient for visit in frontal["hillcrest"] if visit.split == "test"}
    assert locked.isdisjoint(visit.patient for visit in frontal["hillcrest"] if not visit.split)


def test_the_mess_of_each_hospital() -> None:
    """Laterals of the standing only; one repeat, one copy and, at Riverside, one raw twin outside the locked test."""
    sites = (Site(name="riverside", patients=160), Site(name="hillcrest", studies=60, test=80))
    planned = plan(Job(out="", seed=0, sites=sites))
    for name, raw in (("riverside", 1), ("hillcrest", 0)):
        shots = [shot for of, shot in planned if of == name]
        kinds = Counter(shot.kind for shot in shots)
        assert (kinds["repeat"], kinds["copy"], kinds["raw"]) == (1, 1, raw)
        assert kinds["lateral"] > 5
        assert all(not shot.visit.portable and shot.view == "LL" for shot in shots if shot.kind == "lateral")
        assert all(shot.visit.split == "" for shot in shots if shot.kind in {"repeat", "copy", "raw"})
        assert {shot.view for shot in shots if shot.kind == "frontal"} == {"PA", "AP"}
