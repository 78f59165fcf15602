"""Against statsmodels' GLM and GEE; separation has no maximum."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.evaluation.calibration.logistic import Patients, fit_logistic, patient_covariance


def data(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    design = np.column_stack([np.ones(n), generator.normal(size=(n, k - 1))])
    y = generator.random(n) < 1 / (1 + np.exp(-design @ generator.normal(size=k)))
    return design, y.astype(np.float64)


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(deadline=None, max_examples=25)
def test_the_maximum_and_its_variance_are_those_of_statsmodels(seed: int, k: int) -> None:
    design, y = data(200, k, seed)
    offset = np.random.default_rng(seed + 1).normal(size=200)
    found = fit_logistic(design, y, offset=offset)
    assert found is not None
    theirs = sm.GLM(y, design, family=sm.families.Binomial(), offset=offset).fit(tol=1e-14)
    np.testing.assert_allclose(found.coefficients, theirs.params, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(np.linalg.inv(found.information), theirs.cov_params(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("each", [1, 4])
def test_the_variance_between_patients_is_mancl_and_derouens(each: int) -> None:
    design, y = data(120, 3, 5)
    groups = np.random.default_rng(0).permutation(np.arange(120) // each)
    found = fit_logistic(design, y)
    assert found is not None
    ours = patient_covariance(design, y, found, Patients.of(groups))
    model = sm.GEE(y, design, groups=groups, family=sm.families.Binomial())
    theirs = model.fit(cov_type="bias_reduced", ctol=1e-12, maxiter=200)
    assert ours is not None
    assert theirs is not None
    np.testing.assert_allclose(ours, theirs.cov_params(), rtol=1e-5)


def test_a_patient_left_out_moves_the_maximum_by_that_step() -> None:
    design, y = data(400, 2, 3)
    groups = np.arange(400) // 4
    whole = fit_logistic(design, y)
    assert whole is not None
    refits = []
    for patient in range(100):
        kept = groups != patient
        without = fit_logistic(design[kept], y[kept])
        assert without is not None
        refits.append(without.coefficients - whole.coefficients)
    ours = patient_covariance(design, y, whole, Patients.of(groups))
    assert ours is not None
    np.testing.assert_allclose(ours, np.array(refits).T @ np.array(refits), rtol=0.06, atol=1e-4)


def test_soft_targets_have_a_maximum_even_where_the_classes_are_separated() -> None:
    design = np.column_stack([np.ones(6), np.arange(6.0)])
    soft = fit_logistic(design, np.array([0.1, 0.1, 0.1, 0.9, 0.9, 0.9]))
    assert soft is not None
    assert soft.coefficients[1] > 0


@pytest.mark.parametrize("y", [[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
@pytest.mark.parametrize("copies", [1, 1000])
def test_separated_classes_have_none(y: list[int], copies: int) -> None:
    x = np.tile([0.0, 1.0, 2.0, 2.0, 3.0, 4.0], copies)  # the second y is separated but for a tie
    design = np.column_stack([np.ones(x.size), x])
    assert fit_logistic(design, np.tile(np.array(y, dtype=np.float64), copies)) is None


def test_columns_that_depend_on_each_other_have_none() -> None:
    design, y = data(50, 2, 1)
    assert fit_logistic(np.column_stack([design, design[:, 1]]), y) is None


def test_one_patient_has_no_variance() -> None:
    design, y = data(50, 2, 1)
    found = fit_logistic(design, y)
    assert found is not None
    assert patient_covariance(design, y, found, Patients.of(np.zeros(50, dtype=int))) is None
