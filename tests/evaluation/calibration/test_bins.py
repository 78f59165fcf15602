from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mapie.metrics.calibration import expected_calibration_error

from medtransfer.evaluation.calibration.bins import Scheme, bin_of, calibration_bins, calibration_errors, cuts

PROBABILITIES = hnp.arrays(np.float64, st.integers(1, 80), elements=st.floats(0, 1))


def errors(truth: list[int] | np.ndarray, p: list[float] | np.ndarray, scheme: Scheme, bins: int) -> np.ndarray:
    y, p = np.asarray(truth, dtype=np.float64), np.asarray(p, dtype=np.float64)
    at = cuts(p, scheme, bins=bins)
    inside = bin_of(p, at)[:, None] == np.arange(at.size + 1)
    return calibration_errors(((y - p) @ inside)[None], inside.sum(axis=0, dtype=np.float64)[None])[0]


@given(PROBABILITIES)
@settings(deadline=None, max_examples=60)
def test_bins_hold_every_study_once_in_rising_order(p: np.ndarray) -> None:
    truth = np.arange(p.size) % 3 == 0
    bins = calibration_bins(truth, p, np.arange(p.size))
    assert sum(one.n for one in bins) == p.size
    assert 1 <= len(bins) <= 10
    means = [one.mean_probability for one in bins]
    assert means == sorted(means)
    assert sum(one.n * one.mean_probability for one in bins) == pytest.approx(p.sum(), abs=1e-9)
    assert sum(one.n * (one.observed.value or 0) for one in bins) == pytest.approx(truth.sum())


def test_deciles_of_distinct_probabilities_have_equal_size() -> None:
    p = np.random.default_rng(0).permutation(np.linspace(0, 1, 200))
    bins = calibration_bins(p > 0.5, p, np.arange(200))
    assert [one.n for one in bins] == [20] * 10
    assert bins[-1].observed.value == 1


def test_equal_probabilities_stay_together() -> None:
    p = np.repeat([0.2, 1.0], [30, 5])
    assert [one.n for one in calibration_bins(p > 0.5, p, np.arange(35))] == [30, 5]


def test_no_study_no_bin() -> None:
    assert calibration_bins(np.zeros(0, dtype=bool), np.zeros(0), np.zeros(0, dtype=int)) == ()


def test_published_example() -> None:
    """torchmetrics' documentation; L1, L2 and maximum of two bins."""
    found = errors([0, 0, 1, 1, 1], [0.25, 0.25, 0.55, 0.75, 0.75], "equal width", 2)
    np.testing.assert_allclose(found, [0.2900, 0.2918, 0.3167], atol=5e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bins", [5, 10, 20])
def test_the_expected_error_is_mapies(seed: int, bins: int) -> None:
    generator = np.random.default_rng(seed)
    p = generator.beta(2, 3, size=700)
    y = (generator.random(p.size) < p**1.3).astype(int)
    theirs = expected_calibration_error(y, p, num_bins=bins + 1, split_strategy="uniform")  # of edges, not of bins
    assert errors(y, p, "equal width", bins)[0] == pytest.approx(theirs, abs=1e-12)


def test_a_probability_of_one_is_in_the_last_bin() -> None:
    at = cuts(np.array([0.0, 1.0]), "equal width")
    assert bin_of(np.array([0.0, 0.1, 0.95, 1.0]), at).tolist() == [0, 1, 9, 9]
    np.testing.assert_allclose(errors([1, 1], [1.0, 0.95], "equal width", 10), [0.025] * 3)


@given(PROBABILITIES, st.sampled_from(["equal width", "equal count"]), st.integers(0, 2**31))
@settings(deadline=None, max_examples=80)
def test_errors_are_in_order_and_at_least_the_whole_excess(p: np.ndarray, scheme: Scheme, seed: int) -> None:
    y = np.random.default_rng(seed).random(p.size) < p
    mean, root, worst = errors(y, p, scheme, 10)
    assert abs(p.mean() - y.mean()) - 1e-12 <= mean <= root + 1e-12
    assert root <= worst + 1e-12 <= 1 + 1e-12


@given(PROBABILITIES)
@settings(deadline=None, max_examples=60)
def test_no_bin_of_equal_count_is_empty(p: np.ndarray) -> None:
    at = cuts(p, "equal count")
    assert np.unique(bin_of(p, at)).size == at.size + 1
