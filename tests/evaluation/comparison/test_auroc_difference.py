"""Paired AUROCs: pROC's published values, MLstatkit, and the laws of patients who repeat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from MLstatkit import Delong_test
from scipy.stats import t as student

from medtransfer.evaluation.comparison.auroc_difference import auroc_difference, one_sided_p, two_sided_p
from medtransfer.evaluation.intervals import class_strata, normal_quantile
from medtransfer.evaluation.metrics import auroc
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.roc import clustered_variance, delong_variance


class Case(NamedTuple):
    truth: np.ndarray
    first: np.ndarray
    second: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Both classes twice, two scores with ties."""
    n = draw(st.integers(6, 50))
    truth = draw(hnp.arrays(bool, n))
    truth[:4] = [True, False, True, False]
    first, second = (draw(hnp.arrays(np.int64, n, elements=st.integers(0, 12))) / 12 for _ in range(2))
    return Case(truth, first, second)


def simulated(seed: int, patients: int = 80, studies: int = 1) -> tuple[Case, np.ndarray]:
    """Scores that share part of their errors; a patient's studies are alike."""
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), studies)
    truth = generator.random(groups.size) < 0.4
    shared = generator.normal(size=patients)[groups] + 0.5 * generator.normal(size=groups.size)
    first, second = (1.2 * truth + shared + 0.6 * generator.normal(size=groups.size) for _ in range(2))
    return Case(truth, first, second), groups


def columns(asah: pd.DataFrame, *markers: str) -> tuple[np.ndarray, ...]:
    return (asah["outcome"] == "Poor").to_numpy(dtype=bool), *(asah[name].to_numpy(dtype=float) for name in markers)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("model", "reference", "z", "p"),
    [
        ("wfns", "s100b", 2.20898359, 0.02717578),
        ("wfns", "ndka", 2.79777592, 0.00514558),
        ("ndka", "s100b", -1.39077003, 0.16429518),
    ],
)
def test_paired_delong_equals_proc(asah: pd.DataFrame, model: str, reference: str, z: float, p: float) -> None:
    truth, ours, theirs = columns(asah, model, reference)
    found = auroc_difference(truth, ours, theirs, np.arange(truth.size))
    measured = found.value / found.standard_error
    assert measured == pytest.approx(z, abs=1e-8)
    assert two_sided_p(measured) == pytest.approx(p, abs=1e-8)


@pytest.mark.real_data
def test_the_interval_of_the_difference_equals_procs(asah: pd.DataFrame) -> None:
    truth, ours, theirs = columns(asah, "wfns", "s100b")
    found = auroc_difference(truth, ours, theirs, np.arange(truth.size))
    half = normal_quantile(0.95) * found.standard_error
    assert (found.value - half, found.value + half) == pytest.approx((0.010406177, 0.174214419), abs=1e-8)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("model", "reference", "p"),
    [("wfns", "s100b", 0.15282538), ("wfns", "ndka", 0.00220951), ("ndka", "s100b", 0.12019283)],
)
def test_forgetting_that_patients_are_the_same_gives_procs_unpaired_p(
    asah: pd.DataFrame, model: str, reference: str, p: float
) -> None:
    """What is never offered: Welch's t of two AUROCs as if of different patients."""
    truth, ours, theirs = columns(asah, model, reference)
    v, w = delong_variance(truth, ours), delong_variance(truth, theirs)
    difference = auroc.measure(truth, ours) - auroc.measure(truth, theirs)
    freedom = (v + w) ** 2 / ((v**2 + w**2) / (truth.size - 1))
    assert 2 * student.sf(abs(difference) / (v + w) ** 0.5, freedom) == pytest.approx(p, abs=1e-8)
    paired = auroc_difference(truth, ours, theirs, np.arange(truth.size))
    assert paired.standard_error != pytest.approx((v + w) ** 0.5, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_equals_mlstatkit(seed: int) -> None:
    case, groups = simulated(seed)
    z, p = Delong_test(case.truth.astype(int), case.first, case.second, return_ci=False, return_auc=False)
    found = auroc_difference(case.truth, case.second, case.first, groups)
    assert found.value / found.standard_error == pytest.approx(z, rel=1e-10)
    assert two_sided_p(z) == pytest.approx(p, rel=1e-10)


@given(cases(), st.integers(3, 30))
@settings(deadline=None, max_examples=100)
def test_the_variance_is_that_of_both_less_twice_their_covariance(case: Case, patients: int) -> None:
    """The covariance as Obuchowski writes it, over patients; cross terms of both classes in both orders."""
    truth, groups = case.truth, np.arange(case.truth.size) % patients
    parts = []
    for score in (case.first, case.second):
        pairs = (score[truth][:, None] > score[~truth]) + 0.5 * (score[truth][:, None] == score[~truth])
        a = [
            pairs[groups[truth] == i].mean(axis=1).sum() - (groups[truth] == i).sum() * pairs.mean()
            for i in set(groups)
        ]
        b = [
            pairs[:, groups[~truth] == i].mean(axis=0).sum() - (groups[~truth] == i).sum() * pairs.mean()
            for i in set(groups)
        ]
        parts.append((np.array(a), np.array(b)))
    (a, b), (c, d) = parts
    m, n, each = truth.sum(), (~truth).sum(), len(set(groups))
    i10, i01 = len(set(groups[truth])), len(set(groups[~truth]))
    found = auroc_difference(truth, case.first, case.second, groups)
    if min(i10, i01) < 2:
        assert np.isnan(found.standard_error)
        return
    covariance = (
        i10 / (i10 - 1) * (a @ c) / m**2
        + i01 / (i01 - 1) * (b @ d) / n**2
        + each / (each - 1) * (a @ d + b @ c) / (m * n)
    )
    alone = [clustered_variance(truth, score, groups) for score in (case.first, case.second)]
    assert found.standard_error**2 == pytest.approx(max(0.0, sum(alone) - 2 * covariance), abs=1e-12)


@given(cases(), st.integers(3, 30))
@settings(deadline=None, max_examples=60)
def test_turning_the_models_round_turns_the_sign(case: Case, patients: int) -> None:
    groups = np.arange(case.truth.size) % patients
    there = auroc_difference(case.truth, case.first, case.second, groups)
    back = auroc_difference(case.truth, case.second, case.first, groups)
    assert there.value == -back.value
    assert there.standard_error == pytest.approx(back.standard_error, rel=1e-12, nan_ok=True)


@given(cases())
@settings(deadline=None, max_examples=60)
def test_a_monotone_map_is_the_same_model(case: Case) -> None:
    found = auroc_difference(case.truth, np.exp(case.first) - 3, case.first, np.arange(case.truth.size))
    assert (found.value, found.standard_error) == (0.0, 0.0)


@given(cases(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_neither_rows_nor_names_of_patients_matter(case: Case, random) -> None:
    groups = np.arange(case.truth.size) % 7
    order = np.array(random.sample(range(case.truth.size), case.truth.size))
    renamed = (5 - groups) * 11
    found = auroc_difference(case.truth, case.first, case.second, groups)
    again = auroc_difference(case.truth[order], case.first[order], case.second[order], renamed[order])
    assert again.value == pytest.approx(found.value, abs=1e-12)
    assert again.standard_error == pytest.approx(found.standard_error, rel=1e-9, abs=1e-12, nan_ok=True)


def test_repeating_every_row_moves_the_naive_test_and_not_the_clustered_one() -> None:
    case, groups = simulated(3)
    truth, first, second, five = (np.repeat(part, 5) for part in (*case, groups))
    once = auroc_difference(*case, groups)
    clustered = auroc_difference(truth, first, second, five)
    naive = auroc_difference(truth, first, second, np.arange(truth.size))
    assert clustered.value == pytest.approx(once.value, abs=1e-12)
    assert clustered.standard_error == pytest.approx(once.standard_error, rel=1e-12)
    assert naive.standard_error < 0.46 * once.standard_error


@pytest.mark.parametrize("studies", [1, 4])
def test_the_standard_error_is_near_the_bootstraps(studies: int) -> None:
    case, groups = simulated(8, patients=120, studies=studies)
    statistics = {
        name: (lambda weights, score=score: auroc.weighted(case.truth, score, weights))
        for name, score in (("first", case.first), ("second", case.second))
    }
    strata = class_strata(case.truth.astype(np.int64), groups)
    drawn = resampled(statistics, groups, seed=0, replicates=2000, strata=strata)
    found = auroc_difference(*case, groups)
    assert found.standard_error == pytest.approx((drawn["first"] - drawn["second"]).std(), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("studies", [1, 5])
def test_equal_models_are_told_apart_about_as_often_as_the_level_says(studies: int) -> None:
    """2,000 cohorts of two models that know equally much: 5 % of the tests reject, within simulation error."""
    rejected = 0
    for seed in range(2000):
        case, groups = simulated(1000 + seed, patients=60, studies=studies)
        found = auroc_difference(*case, groups)
        rejected += two_sided_p(found.value / found.standard_error) < 0.05
    assert 0.035 <= rejected / 2000 <= 0.065


def test_one_patient_of_a_class_gives_no_error() -> None:
    truth = np.array([True, True, False, False])
    found = auroc_difference(truth, np.arange(4.0), np.arange(4.0)[::-1].copy(), np.array([0, 0, 1, 2]))
    assert np.isnan(found.standard_error)


def test_tails_of_the_normal_distribution() -> None:
    assert two_sided_p(1.959963984540054) == pytest.approx(0.05, rel=1e-12)
    assert one_sided_p(1.959963984540054) == pytest.approx(0.025, rel=1e-12)
    assert one_sided_p(-1.959963984540054) == pytest.approx(0.975, rel=1e-12)
