"""Splines against patsy's natural cubic splines, the curve against a known truth, and rms where there is R."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from calibrated import calibration_curves, simulated
from patsy.highlevel import dmatrix
from scipy.special import expit

from medtransfer.evaluation.calibration.smooth import SmoothCurve, place_knots, smooth_curve, spline_design
from medtransfer.evaluation.positive import ascending


def test_the_splines_span_the_natural_cubic_splines() -> None:
    x = np.sort(np.random.default_rng(0).normal(size=300))
    for wanted in (3, 4, 5):
        knots = place_knots(x, wanted)
        ours = spline_design(x, knots)
        inner, ends = tuple(knots[1:-1]), (knots[0], knots[-1])
        inside = (x >= ends[0]) & (x <= ends[1])
        theirs = np.asarray(
            dmatrix(
                "cr(x, knots=k, lower_bound=a, upper_bound=b)", {"x": x[inside], "k": inner, "a": ends[0], "b": ends[1]}
            )
        )
        residual = ours[inside] - theirs @ np.linalg.lstsq(theirs, ours[inside], rcond=None)[0]
        assert np.abs(residual).max() < 1e-9
        assert ours.shape[1] == wanted


def test_the_splines_are_straight_outside_their_knots() -> None:
    knots = np.array([-1.0, 0.0, 0.5, 2.0])
    for x in (np.linspace(-9, -1, 9), np.linspace(2, 9, 9)):
        bends = np.diff(spline_design(x, knots), n=2, axis=0)
        np.testing.assert_allclose(bends, 0, atol=1e-10)


def test_the_curve_is_the_logistic_regression_of_statsmodels() -> None:
    view = calibration_curves()
    found = smooth_curve(view.truth, view.probability)
    assert isinstance(found, SmoothCurve)
    theirs = sm.GLM(view.truth.astype(float), found.design, family=sm.families.Binomial()).fit(tol=1e-13)
    np.testing.assert_allclose(found.fit.fitted, theirs.fittedvalues, atol=1e-9)
    np.testing.assert_allclose(found.at(view.probability), found.fit.fitted, atol=1e-12)


def test_it_finds_the_bend_and_the_distance() -> None:
    generator = np.random.default_rng(4)
    x = np.sort(generator.normal(-1, 1.3, size=40_000))
    true = expit(x + 0.3 * x**2)
    found = smooth_curve(generator.random(x.size) < true, expit(x))
    assert isinstance(found, SmoothCurve)
    middle = (x > -3.5) & (x < 1.5)
    assert np.abs(found.fit.fitted - true)[middle].max() < 0.03
    ours, truth = np.abs(found.fit.fitted - expit(x)).mean(), np.abs(true - expit(x)).mean()
    assert ours == pytest.approx(truth, abs=0.005)


def test_right_probabilities_lie_on_the_curve() -> None:
    view = simulated(100_000, seed=2)
    found = smooth_curve(view.truth, view.probability)
    assert isinstance(found, SmoothCurve)
    assert np.abs(found.fit.fitted - view.probability).mean() < 0.005


@pytest.mark.parametrize(
    ("truth", "p", "why"),
    [
        (np.arange(40) < 9, np.linspace(0, 1, 40), "fewer than 10"),
        (np.ones(40, dtype=bool), np.linspace(0, 1, 40), "fewer than 10"),
        (np.arange(40) % 2 == 0, np.full(40, 0.3), "all probabilities are equal"),
        (np.arange(40) >= 20, np.linspace(0, 1, 40), "separated"),
    ],
)
def test_where_there_is_no_curve_it_says_why(truth: np.ndarray, p: np.ndarray, why: str) -> None:
    found = smooth_curve(truth, p)
    assert isinstance(found, str)
    assert why in found


def test_few_distinct_values_get_a_straight_line() -> None:
    p = np.tile([0.2, 0.6], 40)
    truth = np.random.default_rng(1).random(80) < p
    found = smooth_curve(truth, p)
    assert isinstance(found, SmoothCurve)
    assert found.knots.size == 0
    for value in (0.2, 0.6):
        assert found.at(np.array([value]))[0] == pytest.approx(truth[p == value].mean())


def test_certain_probabilities_are_on_the_curve_too() -> None:
    view = simulated(400, seed=5)
    p = view.probability.copy()
    p[:3], p[-3:] = 0, 1
    found = smooth_curve(view.truth, ascending(view.truth, p, view.groups).probability)
    assert isinstance(found, SmoothCurve)
    assert np.isfinite(found.fit.fitted).all()


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no Rscript")
def test_ici_is_near_that_of_rms(tmp_path: Path) -> None:
    """Its smoother is lowess, so that the two need only be near."""
    view = calibration_curves()
    np.savetxt(tmp_path / "p.csv", np.column_stack([view.probability, view.truth]), delimiter=",")
    program = (
        f"d <- read.csv('{tmp_path}/p.csv', header=FALSE); "
        "v <- rms::val.prob(d$V1, d$V2, pl=FALSE); cat(v['Slope'], v['Intercept'], v['Brier'], v['Eavg'])"
    )
    done = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip("no rms")
    slope, _, brier, average = map(float, done.stdout.split())
    found = smooth_curve(view.truth, view.probability)
    assert isinstance(found, SmoothCurve)
    assert slope == pytest.approx(0.82278, abs=1e-4)
    assert brier == pytest.approx(0.177033, abs=1e-5)
    assert np.abs(found.fit.fitted - view.probability).mean() == pytest.approx(average, abs=0.015)
