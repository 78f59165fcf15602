"""Published figures, laws of recalibrated probabilities, and what cannot be estimated."""

from __future__ import annotations

import numpy as np
import pytest
from calibrated import calibration_curves, cancer, simulated
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

from medtransfer.core.results import Estimate
from medtransfer.evaluation.calibration.log_odds import log_odds
from medtransfer.evaluation.calibration.logistic import Patients, patient_covariance
from medtransfer.evaluation.calibration.weak import weak_calibration
from medtransfer.evaluation.positive import Positive, ascending


def three(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high


def test_calibration_curves_data() -> None:
    found = weak_calibration(calibration_curves())
    assert three(found.intercept) == pytest.approx((0.22405, 0.00339, 0.44470), abs=5e-6)
    assert three(found.slope) == pytest.approx((0.82278, 0.66582, 0.97974), abs=5e-6)
    assert found.slope.method == "Wald, model-based"


def test_a_model_on_its_own_data_has_slope_1_and_intercept_0() -> None:
    found = weak_calibration(cancer())
    assert found.intercept.value == pytest.approx(0, abs=1e-6)
    assert found.slope.value == pytest.approx(1, abs=1e-6)


@given(st.integers(0, 10_000), st.floats(0.3, 3), st.floats(-2, 2))
@settings(deadline=None, max_examples=30)
def test_recalibrated_by_their_own_line_they_are_right(seed: int, slope: float, shift: float) -> None:
    view = simulated(300, seed=seed)
    bent = ascending(view.truth, expit(slope * logit(view.probability) + shift), view.groups)
    found = weak_calibration(bent)
    assert found.with_slope is not None
    straight = expit(found.with_slope.coefficients[1] * logit(bent.probability) + found.with_slope.coefficients[0])
    again = weak_calibration(ascending(bent.truth, straight, bent.groups))
    assert again.slope.value == pytest.approx(1, abs=1e-6)
    assert again.intercept.value == pytest.approx(0, abs=1e-6)


def test_where_patients_repeat_the_interval_is_that_of_patients() -> None:
    """Every row five times tells nothing new: the model's interval would shrink by √5, that of patients must not."""
    once = simulated(200, seed=3)
    five = ascending(np.repeat(once.truth, 5), np.repeat(once.probability, 5), np.repeat(once.groups, 5))
    alone, repeated = weak_calibration(once), weak_calibration(five)
    for one, many in ((alone.intercept, repeated.intercept), (alone.slope, repeated.slope)):
        assert many.value == pytest.approx(one.value, rel=1e-9)
        assert many.method == "Wald, variance between patients, t quantile"
    assert alone.with_slope is not None
    assert repeated.slope.low is not None
    assert repeated.slope.high is not None
    lines = np.column_stack([np.ones(200), logit(once.probability)])
    truth = once.truth.astype(np.float64)
    variance = patient_covariance(lines, truth, alone.with_slope, Patients.of(once.groups))
    assert variance is not None
    half = student.ppf(0.975, 199) * variance[1, 1] ** 0.5
    assert repeated.slope.high - repeated.slope.low == pytest.approx(2 * half, rel=1e-6)


def test_the_order_and_names_of_patients_do_not_matter() -> None:
    view = simulated(300, seed=1, each=3)
    renamed = Positive(truth=view.truth, probability=view.probability, groups=7 - 5 * view.groups)
    one, other = weak_calibration(view).slope, weak_calibration(renamed).slope
    assert three(one) == pytest.approx(three(other), rel=1e-12)


@pytest.mark.parametrize(
    ("truth", "p", "intercept", "slope"),
    [
        ([], [], "no study", "no study"),
        ([1], [0.5], "only one class", "only one class"),
        ([0, 0, 0], [0.1, 0.5, 0.9], "only one class", "only one class"),
        ([0, 1, 0, 1], [0.5] * 4, "", "all probabilities are equal"),
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], "", "separated"),
        ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], "", "separated"),
        ([0, 0, 1, 1], [0.1, 0.3, 0.3, 0.4], "", "separated"),
    ],
)
def test_what_cannot_be_estimated_says_why(truth: list[int], p: list[float], intercept: str, slope: str) -> None:
    view = ascending(np.array(truth, dtype=bool), np.array(p, dtype=np.float64), np.arange(len(p)))
    found = weak_calibration(view)
    for estimate, why in ((found.intercept, intercept), (found.slope, slope)):
        assert (estimate.value is None) == bool(why)
        assert estimate.note.startswith(why)


def test_certain_probabilities_are_kept_and_noted() -> None:
    p = np.array([0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0])
    truth = np.array([0, 1, 0, 1, 0, 1, 0, 1], dtype=bool)
    found = weak_calibration(ascending(truth, p, np.arange(8)))
    assert found.slope.value is not None
    assert found.slope.n == 8
    assert found.slope.note == "2 probabilities nearer than 1e-8 to 0 or 1 moved there"
    assert log_odds(p).values[[0, -1]] == pytest.approx([-18.42, 18.42], abs=0.01)


def test_one_patient_has_no_interval() -> None:
    view = simulated(60, seed=0)
    alone = Positive(truth=view.truth, probability=view.probability, groups=np.zeros(60, dtype=int))
    found = weak_calibration(alone).slope
    assert found.value is not None
    assert found.low is None
    assert found.note == "no interval: it needs more patients"


@pytest.mark.parametrize("each", [1, 5])
def test_intervals_cover(each: int) -> None:
    """Of 400 cohorts; studies of a patient share part of their score and of their outcome."""
    generator = np.random.default_rng(9)
    covered = 0
    for _ in range(400):
        patients = 200 // each
        common = generator.normal(size=(patients, 1)) * np.ones(each)
        x = (0.7 * common + np.sqrt(1 - 0.49) * generator.normal(size=(patients, each))) * 1.2 - 1
        luck = 0.7 * generator.normal(size=(patients, 1)) + np.sqrt(1 - 0.49) * generator.normal(size=(patients, each))
        truth = norm.cdf(luck) < expit(x)
        found = weak_calibration(ascending(truth.ravel(), expit(x).ravel(), np.arange(200) // each)).slope
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 1 <= found.high
    assert 0.92 <= covered / 400 <= 0.98
