from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medtransfer.evaluation.calibration import calibration_bins, calibration_in_the_large


@given(hnp.arrays(np.float64, st.integers(1, 80), elements=st.floats(0, 1)))
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


def test_calibration_in_the_large_has_the_sign_of_the_excess() -> None:
    generator = np.random.default_rng(0)
    p = generator.uniform(0.1, 0.7, size=500)
    truth = generator.random(500) < p
    honest = calibration_in_the_large(truth, p, np.arange(500), seed=0, replicates=2000)
    assert honest.low is not None
    assert honest.high is not None
    assert honest.low < 0 < honest.high
    proud = calibration_in_the_large(truth, p + 0.2, np.arange(500), seed=0, replicates=2000)
    assert proud.value == pytest.approx(np.mean(p + 0.2) - truth.mean())
    assert proud.low is not None
    assert proud.low > 0
