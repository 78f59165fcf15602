from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from medtransfer.core.results import Curve
from medtransfer.evaluation.bands import banded, precisions, sensitivities
from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.ranking import ranking
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.roc import precision_recall_curve, roc_curve

X = np.array([0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.999, 1.0])


@st.composite
def weighted(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth with both classes, probabilities with ties, and three rows of counts under which neither class vanishes."""
    n = draw(st.integers(2, 40))
    truth = draw(hnp.arrays(bool, n))
    truth[:2] = [True, False]
    p = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 9))) / 9
    weights = draw(hnp.arrays(np.int64, (3, n), elements=st.integers(0, 3))).astype(float)
    weights[:, :2] += 1
    return truth, p, weights


def roc_at(truth: np.ndarray, p: np.ndarray, x: float) -> float:
    """The curve through scikit-learn's points, the upper end where it jumps."""
    fpr, tpr, _ = sk.roc_curve(truth, p, drop_intermediate=False)
    last = np.flatnonzero(fpr <= x + 1e-9)[-1]
    if abs(fpr[last] - x) < 1e-9 or last == fpr.size - 1:
        return float(tpr[last])
    share = (x - fpr[last]) / (fpr[last + 1] - fpr[last])
    return float(tpr[last] + share * (tpr[last + 1] - tpr[last]))


def precision_at(truth: np.ndarray, p: np.ndarray, r: float) -> float:
    """Precision at the highest threshold whose recall reaches r."""
    for threshold in np.unique(p)[::-1]:
        called = p >= threshold
        if truth[called].sum() >= r * truth.sum() - 1e-9:
            return float(truth[called].mean())
    raise AssertionError


@given(weighted())
@settings(deadline=None, max_examples=150)
def test_replicates_are_curves_of_repeated_studies(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    truth, p, weights = case
    ranked = ranking(truth, p)
    sums = ranked.sums(weights)
    roc, pr = sensitivities(ranked, sums, X), precisions(ranked, sums, X[1:])
    for row, (of_roc, of_pr) in enumerate(zip(roc, pr, strict=True)):
        again = np.repeat(np.arange(truth.size), weights[row].astype(int))
        assert of_roc == pytest.approx([roc_at(truth[again], p[again], x) for x in X], abs=1e-9)
        assert of_pr == pytest.approx([precision_at(truth[again], p[again], r) for r in X[1:]], abs=1e-9)


@given(weighted())
@settings(deadline=None, max_examples=60)
def test_on_the_data_themselves_they_are_the_curves(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    truth, p, _ = case
    ranked = ranking(truth, p)
    once = ranked.sums(np.ones((1, truth.size)))
    roc, pr = roc_curve(truth, p), precision_recall_curve(truth, p)
    upper = [max(y for x, y in zip(roc.x, roc.y, strict=True) if x == one) for one in roc.x]
    assert sensitivities(ranked, once, np.array(roc.x))[0] == pytest.approx(upper, abs=1e-9)
    assert precisions(ranked, once, np.array(pr.x))[0] == pytest.approx(pr.y, abs=1e-9)


def test_a_class_without_weight_has_no_curve() -> None:
    truth, p = np.array([True, False]), np.array([0.8, 0.3])
    ranked = ranking(truth, p)
    only = ranked.sums(np.array([[0.0, 3.0], [2.0, 0.0], [1.0, 1.0]]))
    assert np.isnan(sensitivities(ranked, only, X)).all(axis=1).tolist() == [True, True, False]
    assert np.isnan(precisions(ranked, only, X[1:])).all(axis=1).tolist() == [True, False, False]


def test_bands_hold_the_true_curves_and_their_own() -> None:
    """Sensitivity at a false-positive fraction of .2, and precision at a recall of .8, of a known pair of normals."""
    generator = np.random.default_rng(3)
    held = {"roc": 0, "pr": 0}
    cohorts = 120
    for cohort in range(cohorts):
        truth = generator.random(300) < 0.3
        p = generator.normal(size=300) + 1.5 * truth
        ranked, groups = ranking(truth, p), np.arange(300)
        curve = Curve(x=(0.2,), y=(roc_at(truth, p, 0.2),))
        drawn = resampled(
            {"roc": lambda w, ranked=ranked: sensitivities(ranked, ranked.sums(w), np.array([0.2]))},
            groups,
            seed=cohort,
            replicates=400,
            strata=class_strata(truth.astype(np.int64), groups),
        )
        roc = banded(curve, drawn["roc"], method="m")
        assert roc.low[0] <= roc.y[0] <= roc.high[0]
        held["roc"] += roc.low[0] <= 0.74485 <= roc.high[0]  # Φ(1.5 + Φ⁻¹(.2))
        drawn = resampled(
            {"pr": lambda w, ranked=ranked: precisions(ranked, ranked.sums(w), np.array([0.8]))},
            groups,
            seed=cohort,
            replicates=400,
        )
        pr = banded(Curve(x=(0.8,), y=(precision_at(truth, p, 0.8),)), drawn["pr"], method="m")
        held["pr"] += pr.low[0] <= 0.57334 <= pr.high[0]  # .3·.8 / (.3·.8 + .7·Φ(Φ⁻¹(.8) − 1.5))
    assert 0.9 <= held["roc"] / cohorts <= 1
    assert 0.9 <= held["pr"] / cohorts <= 1


def test_a_band_needs_nearly_all_replicates() -> None:
    drawn = np.array([[0.5], *[[0.6]] * 98, [np.nan], [np.nan]])
    assert banded(Curve(x=(0.2,), y=(0.6,)), drawn, method="m").method == ""
    assert banded(Curve(x=(0.2,), y=(0.6,)), drawn[:-1], method="m").low != ()
