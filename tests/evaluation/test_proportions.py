from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from medtransfer.core.errors import ConfigError
from medtransfer.evaluation.intervals import patient_bootstrap, weighted_mean, wilson
from medtransfer.evaluation.proportions import (
    clopper_pearson,
    effective_sample_size,
    proportion,
    size_behind,
)


@pytest.mark.parametrize(
    ("x", "n", "low", "high"),
    [
        (81, 263, 0.25274, 0.36762),
        (15, 148, 0.05784, 0.16165),
        (0, 20, 0.0, 0.16843),
        (1, 29, 0.00087, 0.17764),
    ],
)
def test_clopper_pearson_gives_the_published_values(x: int, n: int, low: float, high: float) -> None:
    assert clopper_pearson(x, n) == pytest.approx((low, high), abs=5.1e-6)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
@settings(deadline=None, max_examples=100)
def test_clopper_pearson_equals_statsmodels_and_contains_the_proportion(counts: tuple[int, int], level: float) -> None:
    x, n = counts
    low, high = clopper_pearson(x, n, level)
    assert (low, high) == pytest.approx(proportion_confint(x, n, 1 - level, "beta"), rel=1e-9, abs=1e-12)
    assert 0 <= low <= x / n <= high <= 1


@pytest.mark.parametrize(("x", "n"), [(1, 0), (3, 2), (-1, 2)])
def test_clopper_pearson_refuses_what_is_no_proportion(x: int, n: int) -> None:
    with pytest.raises(ConfigError) as error:
        clopper_pearson(x, n)
    assert error.value.code == "NoProportion"


def test_either_interval_on_request() -> None:
    success, own = np.arange(29) == 0, np.arange(29)
    usual, exact = proportion("rate", success, own), proportion("rate", success, own, interval="clopper_pearson")
    assert (usual.low, usual.high, usual.method) == (*wilson(1, 29), "Wilson")
    assert (exact.low, exact.high, exact.method) == (*clopper_pearson(1, 29), "Clopper–Pearson")


def test_one_study_and_none() -> None:
    one = proportion("rate", np.array([True]), np.array([7]))
    assert (one.value, one.low, one.high, one.n) == (1.0, wilson(1, 1).low, 1.0, 1)
    none = proportion("rate", np.empty(0, dtype=bool), np.empty(0, dtype=int), otherwise="no positive study")
    assert (none.value, none.low, none.n, none.note) == (None, None, 0, "no positive study")


@given(hnp.arrays(bool, st.integers(2, 60)), st.integers(1, 60), st.sampled_from(["wilson", "clopper_pearson"]))
@settings(deadline=None, max_examples=150)
def test_clustered_intervals_are_never_narrower_and_contain_the_rate(
    success: np.ndarray, patients: int, interval: str
) -> None:
    groups = np.arange(success.size) % patients
    one = proportion("rate", success, groups, interval=interval)  # pyright: ignore[reportArgumentType]
    ends = wilson if interval == "wilson" else clopper_pearson
    plain = ends(float(success.sum()), success.size)
    assert one.value is not None
    assert one.low is not None
    assert one.high is not None
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.high - one.low >= plain.high - plain.low - 1e-9
    assert 0 < effective_sample_size(success, groups) <= success.size


def test_repeating_every_study_leaves_the_effective_sample_size() -> None:
    success = np.random.default_rng(0).random(80) < 0.3
    groups = np.repeat(np.arange(80), 5)
    # deff is 5 · (80/79)/(399/400)…; Student's quantile for 80 patients makes the rest.
    student_only = 80 * (1.959964 / student.ppf(0.975, 79)) ** 2
    assert effective_sample_size(np.repeat(success, 5), groups) == pytest.approx(student_only, rel=0.015)
    assert effective_sample_size(success, np.arange(80)) == 80
    assert "patients repeat" in proportion("rate", np.repeat(success, 5), groups).method


def test_at_the_ends_patients_count() -> None:
    one = proportion("rate", np.ones(50, dtype=bool), np.repeat(np.arange(10), 5))
    assert (one.low, one.high) == pytest.approx(wilson(10, 10))


def test_one_patient_with_many_studies_is_worth_one_study() -> None:
    assert effective_sample_size(np.array([True, False, True, True]), np.zeros(4, dtype=int)) == 1


def test_relabelling_and_reordering_patients_changes_nothing() -> None:
    generator = np.random.default_rng(3)
    success, groups = generator.random(60) < 0.6, generator.integers(0, 20, 60)
    order = generator.permutation(60)
    moved = effective_sample_size(success[order], 100 - groups[order])
    assert moved == pytest.approx(effective_sample_size(success, groups), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.6, 0.9])
@pytest.mark.parametrize("correlation", [0.0, 0.5])
@pytest.mark.parametrize("patients", [10, 20, 40, 100])
def test_coverage_where_patients_repeat(rate: float, correlation: float, patients: int) -> None:
    covered = _covered(rate, correlation, patients, cohorts=2000)
    assert covered.mean() > (0.9 if patients < 40 else 0.925)


@pytest.mark.slow
def test_the_bootstrap_covers_less_where_patients_are_few() -> None:
    ours = _covered(0.9, 0.5, 10, cohorts=400).mean()
    theirs = _covered(0.9, 0.5, 10, cohorts=400, bootstrap=True).mean()
    assert theirs < 0.85
    assert ours > 0.93


def _covered(rate: float, correlation: float, patients: int, *, cohorts: int, bootstrap: bool = False) -> np.ndarray:
    """Whether the interval held the rate, in simulated cohorts of patients with five studies (beta-binomial)."""
    generator = np.random.default_rng(round(1000 * rate) + patients + round(10 * correlation))
    groups = np.repeat(np.arange(patients), 5)
    covered = np.empty(cohorts, dtype=bool)
    for k in range(cohorts):
        own = np.full(patients, rate)
        if correlation:
            spread = (1 - correlation) / correlation
            own = generator.beta(rate * spread, (1 - rate) * spread, patients)
        success = generator.random(groups.size) < own[groups]
        if bootstrap:
            interval = patient_bootstrap(weighted_mean(success.astype(float)), groups, seed=k, replicates=1000)
            covered[k] = interval is not None and interval.low <= rate <= interval.high
        else:
            one = proportion("rate", success, groups)
            covered[k] = (one.low or 0.0) <= rate <= (one.high or 0.0)
    return covered


@given(st.integers(0, 300), st.integers(1, 300), st.floats(0.5, 0.99))
@settings(deadline=None, max_examples=100)
def test_the_size_behind_an_interval_is_read_off_its_ends(x: int, n: int, level: float) -> None:
    success, groups = np.arange(n) < min(x, n), np.arange(n) // 3
    assert size_behind(proportion("rate", success, np.arange(n), level=level)) == pytest.approx(n)
    repeated = proportion("rate", success, groups, level=level)
    expected = effective_sample_size(success, groups, level=level)
    assert size_behind(repeated) == pytest.approx(expected, rel=1e-6)
    assert size_behind(repeated.model_copy(update={"low": None, "high": None})) == n
