"""The identity is exact; the recalibrated probabilities are scikit-learn's isotonic regression."""

from __future__ import annotations

import numpy as np
import pytest
from calibrated import calibration_curves
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from medtransfer.evaluation.calibration.decomposition import BrierParts, brier_parts
from medtransfer.evaluation.positive import ascending

CASES = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(bool, n),
        hnp.arrays(np.float64, n, elements=st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1))),
    )
)


def parts(truth: np.ndarray, p: np.ndarray) -> BrierParts:
    view = ascending(truth, p, np.arange(p.size))
    return brier_parts(view.truth, view.probability)


@given(CASES)
@settings(deadline=None, max_examples=120)
def test_the_parts_make_the_score_and_are_never_negative(cases: tuple[np.ndarray, np.ndarray]) -> None:
    truth, p = cases
    found = parts(truth, p)
    assert found.brier == pytest.approx(float(((p - truth) ** 2).mean()), abs=1e-15)
    assert abs(found.miscalibration - found.discrimination + found.uncertainty - found.brier) <= 1e-15
    assert found.miscalibration >= -1e-15
    assert -1e-15 <= found.discrimination <= found.uncertainty + 1e-15
    assert np.isnan(found.scaled) == (truth.all() or not truth.any())


@given(CASES)
@settings(deadline=None, max_examples=60)
def test_recalibrated_as_scikit_learn_does(cases: tuple[np.ndarray, np.ndarray]) -> None:
    truth, p = cases[0], np.round(64 * cases[1]) / 64  # theirs takes probabilities 1e-10 apart for equal
    fitted = IsotonicRegression().fit_transform(p, truth.astype(np.float64))
    found = parts(truth, p)
    assert found.brier - found.miscalibration == pytest.approx(float(((fitted - truth) ** 2).mean()), abs=1e-12)


@given(st.integers(0, 10_000), st.floats(0.2, 4), st.floats(-2, 2))
@settings(deadline=None, max_examples=30)
def test_a_rising_map_changes_miscalibration_alone(seed: int, slope: float, shift: float) -> None:
    generator = np.random.default_rng(seed)
    p = generator.uniform(0.02, 0.98, 80)
    truth = generator.random(80) < p
    one, other = parts(truth, p), parts(truth, expit(slope * logit(p) + shift))
    assert other.discrimination == pytest.approx(one.discrimination, abs=1e-12)
    assert other.uncertainty == one.uncertainty


def test_perfect_constant_and_prevalent_forecasts() -> None:
    truth = np.array([0, 0, 0, 1, 1], dtype=bool)
    assert parts(truth, truth.astype(np.float64)) == pytest.approx((0, 0, 0.24, 0.24, 1))
    assert parts(truth, np.full(5, 0.4)) == pytest.approx((0.24, 0, 0, 0.24, 0))
    assert parts(truth, np.full(5, 0.9)) == pytest.approx((0.49, 0.25, 0, 0.24, 1 - 0.49 / 0.24))


def test_published_scores() -> None:
    example = parts(np.array([0, 1, 1, 0], dtype=bool), np.array([0.1, 0.9, 0.8, 0.3]))
    assert example.brier == pytest.approx(0.0375)
    view = calibration_curves()
    assert brier_parts(view.truth, view.probability).brier == pytest.approx(0.177033, abs=5e-7)
