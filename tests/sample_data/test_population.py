"""Who is X-rayed: the closed form is what comes, and each kind of shift moves what it should and nothing else."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice, pairwise

import numpy as np
import pytest
from two_hospitals.arrivals import Visit, patients
from two_hospitals.cohort import row_of
from two_hospitals.hospitals import HILLCREST, RIVERSIDE, LabelRule, Shares, changed
from two_hospitals.person import AgeMix
from two_hospitals.population import Study, density_ratio, joint, odds_for, prevalence, risk
from two_hospitals.shift import VARIANTS
from two_hospitals.shots import Shot

HOSPITALS = {hospital.name: hospital for hospital in (RIVERSIDE, HILLCREST, *VARIANTS.values())}


def every_study(lowest: int = 18, highest: int = 95) -> list[Study]:
    """All values of z, in the order of `joint`."""
    return [
        Study(age=age, portable=portable, positive=positive)
        for age in range(lowest, highest + 1)
        for portable in (False, True)
        for positive in (False, True)
    ]


def given(density: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The conditional density, given everything but `axes`."""
    return density / density.sum(axis=axes, keepdims=True)


@pytest.mark.parametrize("name", HOSPITALS)
def test_the_density_adds_up_and_is_positive(name: str) -> None:
    density = joint(HOSPITALS[name])
    assert density.shape == (78, 2, 2)
    assert density.sum() == pytest.approx(1.0, abs=1e-12)
    assert density.min() > 0


@pytest.mark.parametrize("source", HOSPITALS)
@pytest.mark.parametrize("target", ["riverside", "hillcrest"])
def test_the_ratio_has_mean_one_under_the_source_and_moves_every_mean(source: str, target: str) -> None:
    """E_S[w] = 1 and E_S[w·f(z)] = E_T[f(z)], here for every f at once."""
    p_source, p_target = joint(HOSPITALS[source]).ravel(), joint(HOSPITALS[target]).ravel()
    ratio = density_ratio(every_study(), source=HOSPITALS[source], target=HOSPITALS[target])
    assert (p_source * ratio).sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(p_source * ratio, p_target, rtol=1e-12)


def test_a_missing_age_is_summed_over() -> None:
    unknown = [Study(age=None, portable=p, positive=y) for p in (False, True) for y in (False, True)]
    ratio = density_ratio(unknown, source=RIVERSIDE, target=HILLCREST)
    p_source, p_target = joint(RIVERSIDE).sum(axis=0).ravel(), joint(HILLCREST).sum(axis=0).ravel()
    np.testing.assert_allclose(ratio, p_target / p_source, rtol=1e-12)


def test_a_line_of_the_table_is_a_study() -> None:
    visits = [visit for studies in islice(patients(RIVERSIDE, seed=1), 40) for visit in studies]
    rows = [row_of(RIVERSIDE, Shot(visit=visit, kind="frontal")) for visit in visits]
    written = [{name: "" if value is None else str(value) for name, value in asdict(row).items()} for row in rows]
    for visit, row in zip(visits, written, strict=True):
        age = visit.person.age if visit.age_known else None
        assert Study.of(row) == Study(age=age, portable=visit.portable, positive=visit.positive)
    ratio = density_ratio([Study.of(row) for row in written], source=RIVERSIDE, target=RIVERSIDE)
    np.testing.assert_allclose(ratio, 1.0)


def test_an_age_that_nobody_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no such age at riverside: 7"):
        density_ratio([Study(age=7, portable=False, positive=True)], source=RIVERSIDE, target=HILLCREST)


def test_covariate_shift_leaves_the_label_given_all_else() -> None:
    ours, theirs = joint(HILLCREST), joint(VARIANTS["covariate"])
    np.testing.assert_allclose(given(ours, (2,)), given(theirs, (2,)), rtol=1e-12)
    assert np.abs(ours.sum(axis=(1, 2)) - theirs.sum(axis=(1, 2))).sum() > 0.5
    assert np.abs(ours.sum(axis=(0, 2)) - theirs.sum(axis=(0, 2))).sum() > 0.3


def test_label_shift_leaves_all_else_given_the_label() -> None:
    ours, theirs = joint(HILLCREST), joint(VARIANTS["label"])
    np.testing.assert_allclose(given(ours, (0, 1)), given(theirs, (0, 1)), rtol=1e-12)
    assert ours.sum(axis=(0, 1))[1] == pytest.approx(0.4)
    assert theirs.sum(axis=(0, 1))[1] == pytest.approx(0.75)


def test_concept_shift_leaves_all_but_the_label() -> None:
    ours, theirs = joint(HILLCREST), joint(VARIANTS["concept"])
    np.testing.assert_allclose(ours.sum(axis=2), theirs.sum(axis=2), rtol=1e-12)
    assert theirs.sum(axis=(0, 1))[1] == pytest.approx(0.2)  # severity is uniform to 0.9, and counts from 0.45 on


def test_the_shortcut_is_at_riverside_and_not_at_hillcrest() -> None:
    """p(ill | portable) against p(ill | standing)."""
    for hospital, related in ((RIVERSIDE, True), (HILLCREST, False)):
        ill = given(joint(hospital).sum(axis=0), (1,))[:, 1]
        assert (ill[1] > 1.8 * ill[0]) == related
        assert (ill[1] == pytest.approx(ill[0])) == (not related)


@pytest.mark.parametrize("share", [0.02, 0.4, 0.97])
def test_the_prevalence_is_what_was_asked_for(share: float) -> None:
    hospital = changed(HILLCREST, prevalence=share)
    assert prevalence(hospital) == pytest.approx(share, abs=1e-12)
    assert changed(hospital, prevalence=0.4).case_odds == pytest.approx(HILLCREST.case_odds)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_prevalence_that_cannot_be_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="prevalence"):
        changed(HILLCREST, prevalence=share)


def test_the_risk_is_the_stated_rule() -> None:
    assert float(risk(60)) == pytest.approx(0.30)
    odds = [float(risk(age)) / (1 - float(risk(age))) for age in (40, 50, 60)]
    assert odds[1] / odds[0] == pytest.approx(1.35)
    assert odds[2] / odds[1] == pytest.approx(1.35)
    assert float(risk(60, odds=2.0)) == pytest.approx(0.6 / 1.3)
    assert odds_for(AgeMix(mean=60, sd=5, lowest=60, highest=60), 0.30) == pytest.approx(1.0)


def test_the_closed_form_is_what_comes() -> None:
    """Studies drawn from a hospital with every switch moved, first and second ones, against `joint`."""
    hospital = changed(
        HILLCREST,
        prevalence=0.6,
        severity=(0.2, 0.9),
        label_rule=LabelRule(least_severity=0.6),
        portable=Shares(ill=0.7, well=0.2),
    )
    came = [visit for studies in islice(patients(hospital, seed=5), 1300) for visit in studies]
    density = joint(hospital)
    for number in (1, 2):
        visits = [visit for visit in came if visit.number == number]
        for low, high in pairwise((18, 55, 65, 75, 96)):
            expected = density[low - 18 : high - 18].sum(axis=0)
            found = np.array([[_share(visits, low, high, p, y) for y in (False, True)] for p in (False, True)])
            assert (np.abs(found - expected) <= 4 * (expected * (1 - expected) / len(visits)) ** 0.5).all()


@pytest.mark.parametrize(
    ("rule", "shares"),
    [
        (LabelRule(), Shares(ill=1.0, well=0.0)),
        (LabelRule(least_severity=0.6), Shares(ill=3 / 7, well=0.0)),
        (LabelRule(least_severity=0.1), Shares(ill=1.0, well=0.0)),
        (LabelRule(least_severity=0.6, swapped=True), Shares(ill=4 / 7, well=1.0)),
    ],
)
def test_the_label_rule_gives_the_label_as_often_as_it_says(rule: LabelRule, shares: Shares) -> None:
    said = rule.shares((0.2, 0.9))
    assert (said.ill, said.well) == pytest.approx((shares.ill, shares.well))
    severities = np.linspace(0.2, 0.9, 7001)
    for ill, share in ((True, shares.ill), (False, shares.well)):
        found = np.mean([rule.positive(ill=ill, severity=severity) for severity in severities])
        assert found == pytest.approx(share, abs=1e-3)


def _share(visits: list[Visit], low: int, high: int, portable: bool, positive: bool) -> float:
    return sum(
        low <= visit.person.age < high and visit.portable == portable and visit.positive == positive for visit in visits
    ) / len(visits)
