"""McNemar's tests: the published values, statsmodels, and what changes where patients repeat."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from statsmodels.stats.contingency_tables import mcnemar as reference

from medtransfer.evaluation.comparison.mcnemar import CLUSTERED, CORRECTED, chi_squared, exact_p, mcnemar


def right(both: int, model: int, other: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Studies by who is right."""
    counts = (both, model, other, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def test_the_published_example() -> None:
    found = mcnemar(*right(40, 86, 150, 30), np.arange(306))
    assert found.statistic == pytest.approx(16.818, abs=5e-4)
    assert found.p == pytest.approx(4.115e-5, abs=5e-9)
    assert (found.both_right, found.only_model, found.only_reference, found.both_wrong) == (40, 86, 150, 30)
    assert (found.method, found.discordant_patients) == (CORRECTED, 236)


@given(st.integers(0, 400), st.integers(0, 400))
@settings(deadline=None, max_examples=100)
def test_equals_statsmodels_where_no_patient_repeats(b: int, c: int) -> None:
    found = mcnemar(*right(3, b, c, 2), np.arange(b + c + 5))
    exact = vars(reference(np.array([[3, b], [c, 2]]), exact=True))
    assert found.p_exact == pytest.approx(min(1.0, exact["pvalue"]), rel=1e-9)
    if b + c == 0:
        assert (found.statistic, found.p) == (None, None)
    elif b != c:  # statsmodels corrects a difference of 0 to −1, and so away from 0.
        corrected = vars(reference(np.array([[3, b], [c, 2]]), exact=False, correction=True))
        assert (found.statistic, found.p) == pytest.approx((corrected["statistic"], corrected["pvalue"]), rel=1e-9)
    else:
        assert (found.statistic, found.p) == (0.0, 1.0)


differences = st.lists(st.integers(-4, 4), max_size=9)


@given(differences)
@settings(deadline=None, max_examples=100)
def test_the_exact_p_counts_all_signs(d: list[int]) -> None:
    """By enumeration of every pattern of signs."""
    reach = abs(sum(d))
    sums = [abs(sum(s * one for s, one in zip(signs, d, strict=True))) for signs in product((-1, 1), repeat=len(d))]
    expected = sum(one >= reach for one in sums) / len(sums)
    assert exact_p(np.array([one for one in d if one], dtype=np.int64)) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
@settings(deadline=None, max_examples=60)
def test_turning_the_models_round_changes_no_p(pairs: list[tuple[bool, bool]]) -> None:
    model, other = np.array(pairs).T
    groups = np.arange(len(pairs)) // 2
    there, back = mcnemar(model, other, groups), mcnemar(other, model, groups)
    assert (there.p, there.p_exact) == (back.p, back.p_exact)
    assert (there.only_model, there.only_reference) == (back.only_reference, back.only_model)


def test_repeating_every_study_moves_the_naive_tests_and_not_the_clustered_ones() -> None:
    model, other = right(60, 12, 24, 10)
    groups = np.arange(model.size)
    five = [np.repeat(one, 5) for one in (model, other, groups)]
    once, clustered = mcnemar(model, other, groups), mcnemar(*five)
    naive = mcnemar(five[0], five[1], np.arange(five[0].size))
    assert clustered.method == CLUSTERED
    assert clustered.p_exact == pytest.approx(once.p_exact, rel=1e-9)
    assert clustered.statistic == pytest.approx((24 - 12) ** 2 / (24 + 12), rel=1e-12)
    assert clustered.p == pytest.approx(chi2.sf(4.0, 1), rel=1e-12)
    assert naive.p_exact < 1e-4
    assert clustered.p_exact > 0.05


def test_the_clustered_statistic_by_hand() -> None:
    # Patients: +2 (two studies only the model gets right), +1 − 1 = 0, −1, +1. (2 − 1 + 1)² / (4 + 1 + 1) = 4/6.
    model = np.array([1, 1, 1, 0, 0, 1, 1], dtype=bool)
    other = np.array([0, 0, 0, 1, 1, 0, 1], dtype=bool)
    found = mcnemar(model, other, np.array([0, 0, 1, 1, 2, 3, 3]))
    assert found.statistic == pytest.approx(4 / 6)
    assert (found.discordant_patients, found.only_model, found.only_reference) == (3, 4, 2)
    # Signs of 2, 1, 1: |sum| is 4, 2, 2, 0 and so mirrored; 6 of 8 reach 2.
    assert found.p_exact == pytest.approx(6 / 8)


def test_many_patients_of_several_sizes_are_counted_at_once() -> None:
    d = np.concatenate([np.full(40_000, 1), np.full(39_500, -1), np.full(5000, 3), np.full(4900, -3)])
    chi = chi_squared(d, corrected=False)
    assert chi is not None
    assert exact_p(d) == pytest.approx(chi2.sf(chi, 1), rel=0.01)


@pytest.mark.parametrize("groups", [np.arange(4), np.zeros(4, dtype=np.int64)])
def test_models_that_decide_alike(groups: np.ndarray) -> None:
    decided = np.array([True, False, True, True])
    found = mcnemar(decided, decided, groups)
    assert (found.p_exact, found.p, found.statistic, found.discordant_patients) == (1.0, None, None, 0)


@pytest.mark.slow
def test_equal_models_are_told_apart_at_most_as_often_as_the_level_says() -> None:
    """2,000 cohorts with up to six studies a patient, whose errors hang together."""
    generator = np.random.default_rng(0)
    exact = approximate = 0
    for _ in range(2000):
        groups = np.repeat(np.arange(60), generator.integers(1, 7, size=60))
        leaning = generator.normal(size=60)[groups]
        model, other = (generator.normal(size=groups.size) + s * leaning > -0.8 for s in (1, -1))
        found = mcnemar(model, other, groups)
        exact += found.p_exact < 0.05
        approximate += found.p is not None and found.p < 0.05
    assert 0.02 <= exact / 2000 <= 0.06
    assert 0.035 <= approximate / 2000 <= 0.065
