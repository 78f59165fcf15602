from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from medtransfer.core.errors import ConfigError
from medtransfer.evaluation.intervals import (
    class_strata,
    logit_interval,
    patient_bootstrap,
    weighted_mean,
    wilson,
)


@pytest.mark.parametrize(
    ("x", "n", "low", "high"),
    [
        (81, 263, 0.25529, 0.36621),
        (15, 148, 0.06239, 0.16049),
        (0, 20, 0.0, 0.16113),
        (1, 29, 0.00611, 0.17176),
    ],
)
def test_wilson_gives_the_published_values(x: int, n: int, low: float, high: float) -> None:
    assert wilson(x, n) == pytest.approx((low, high), abs=5.1e-6)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
@settings(deadline=None, max_examples=100)
def test_wilson_equals_statsmodels_and_contains_the_proportion(counts: tuple[int, int], level: float) -> None:
    x, n = counts
    low, high = wilson(x, n, level)
    assert (low, high) == pytest.approx(proportion_confint(x, n, 1 - level, "wilson"), rel=1e-9, abs=1e-12)
    assert 0 <= low <= x / n <= high <= 1


@pytest.mark.parametrize(("x", "n"), [(1, 0), (3, 2), (-1, 2)])
def test_wilson_refuses_what_is_no_proportion(x: int, n: int) -> None:
    with pytest.raises(ConfigError) as error:
        wilson(x, n)
    assert error.value.code == "NoProportion"


def test_logit_interval_is_the_delta_method() -> None:
    # v = ½: the logit is 0 and its standard error .05/.25 = .2, by hand.
    bound = 1 / (1 + np.exp(1.959963984540054 * 0.2))
    assert logit_interval(0.5, 0.05, trials=9) == pytest.approx((bound, 1 - bound), rel=1e-12)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(1e-9, 10))
@settings(deadline=None, max_examples=100)
def test_logit_interval_contains_its_value_and_stays_in_range(value: float, error: float) -> None:
    interval = logit_interval(value, error, trials=5)
    assert interval is not None
    assert 0 <= interval.low <= value <= interval.high <= 1


@pytest.mark.parametrize("k", [1, 5, 40])
def test_logit_interval_is_exact_at_the_ends(k: int) -> None:
    exact = proportion_confint(k, k, 0.05, "beta")
    assert logit_interval(1.0, 0.0, trials=k) == pytest.approx(exact, rel=1e-9)
    assert logit_interval(0.0, 0.0, trials=k) == pytest.approx((1 - exact[1], 1 - exact[0]), rel=1e-9)


def test_logit_interval_says_when_there_is_none() -> None:
    assert logit_interval(0.5, 0.0, trials=5) is None
    assert logit_interval(0.5, float("nan"), trials=5) is None
    assert logit_interval(1.0, 0.0, trials=0) is None


def test_bootstrap_of_a_mean_comes_near_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(size=400)
    interval = patient_bootstrap(weighted_mean(values), np.arange(400), seed=3, replicates=4000)
    half = 1.96 * values.std() / 20
    assert interval == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_repeating_every_study_does_not_narrow_the_bootstrap() -> None:
    values = np.random.default_rng(0).normal(size=50)
    once = patient_bootstrap(weighted_mean(values), np.arange(50), seed=3)
    five = patient_bootstrap(weighted_mean(np.repeat(values, 5)), np.repeat(np.arange(50), 5), seed=3)
    naive = patient_bootstrap(weighted_mean(np.repeat(values, 5)), np.arange(250), seed=3)
    assert once is not None
    assert five is not None
    assert naive is not None
    assert five == pytest.approx(once, rel=1e-12)
    assert (naive.high - naive.low) < 0.6 * (once.high - once.low)


def test_replicates_draw_whole_patients_within_their_stratum() -> None:
    groups = np.array([5, 5, 2, 2, 2, 9, 7])
    truth = np.array([0, 1, 0, 0, 0, 1, 1])
    strata = class_strata(truth, groups)
    assert len(set(strata[:2])) == 1
    assert strata[5] == strata[6]
    assert len({strata[0], strata[2], strata[5]}) == 3
    drawn: list[np.ndarray] = []

    def statistic(weights: np.ndarray) -> np.ndarray:
        drawn.append(weights)
        return weights[:, 0]

    patient_bootstrap(statistic, groups, seed=0, replicates=200, strata=strata)
    weights = np.concatenate(drawn[1:])
    assert weights.shape == (200, 7)
    assert (weights[:, 0] == 1).all()  # alone in its stratum
    assert (weights[:, 5] + weights[:, 6] == 2).all()
    assert set(weights[:, 5]) == {0.0, 1.0, 2.0}
    unstratified: list[np.ndarray] = []

    def record(weights: np.ndarray) -> np.ndarray:
        unstratified.append(weights)
        return weights[:, 0]

    patient_bootstrap(record, groups, seed=0, replicates=200)
    weights = np.concatenate(unstratified[1:])
    assert (weights[:, 2] == weights[:, 4]).all()
    assert (weights[:, 0] + weights[:, 2] + weights[:, 5] + weights[:, 6] == 4).all()


def test_the_seed_decides_and_batches_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(30.0)
    statistic = weighted_mean(values)
    first = patient_bootstrap(statistic, np.arange(30), seed=1)
    assert first == patient_bootstrap(statistic, np.arange(30), seed=1)
    assert first != patient_bootstrap(statistic, np.arange(30), seed=2)
    monkeypatch.setattr("medtransfer.evaluation.resampling._MOST_WEIGHTS", 30 * 7)
    assert first == pytest.approx(patient_bootstrap(statistic, np.arange(30), seed=1), rel=1e-12)


def test_bootstrap_has_no_interval_for_one_patient_and_refuses_few_replicates() -> None:
    assert patient_bootstrap(weighted_mean(np.ones(3)), np.zeros(3, dtype=int), seed=0) is None
    with pytest.raises(ConfigError) as error:
        patient_bootstrap(weighted_mean(np.ones(3)), np.arange(3), seed=0, replicates=10)
    assert error.value.code == "TooFewReplicates"
