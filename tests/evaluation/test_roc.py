from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from medtransfer.evaluation.intervals import patient_bootstrap
from medtransfer.evaluation.metrics import auroc
from medtransfer.evaluation.roc import (
    MOST_POINTS,
    auroc_estimate,
    clustered_variance,
    delong_variance,
    placements,
    precision_recall_curve,
    roc_curve,
)


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Truth with both classes, and probabilities with ties."""
    n = draw(st.integers(4, 60))
    truth = draw(hnp.arrays(bool, n))
    truth[:4] = [True, False, True, False]
    return truth, draw(hnp.arrays(np.int64, n, elements=st.integers(0, 20))) / 20


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("marker", "value", "variance"),
    [
        ("wfns", 0.8236788618, 0.00146991470882),
        ("s100b", 0.7313685637, 0.00266868245717),
        ("ndka", 0.6119579946, 0.00319081054939),
    ],
)
def test_auroc_and_variance_equal_proc(asah: pd.DataFrame, marker: str, value: float, variance: float) -> None:
    truth = (asah["outcome"] == "Poor").to_numpy(dtype=bool)
    score = asah[marker].to_numpy(dtype=float)
    assert auroc.measure(truth, score) == pytest.approx(value, rel=1e-9)
    assert delong_variance(truth, score) == pytest.approx(variance, rel=1e-8)
    assert clustered_variance(truth, score, np.arange(truth.size)) == pytest.approx(variance, rel=1e-8)


@pytest.mark.real_data
def test_repeating_every_patient_fools_delong_and_not_the_clustered_variance(asah: pd.DataFrame) -> None:
    truth = np.repeat((asah["outcome"] == "Poor").to_numpy(dtype=bool), 5)
    score = np.repeat(asah["wfns"].to_numpy(dtype=float), 5)
    groups = np.repeat(np.arange(len(asah)), 5)
    assert delong_variance(truth, score) ** 0.5 == pytest.approx(0.017007, abs=1e-6)
    assert clustered_variance(truth, score, groups) ** 0.5 == pytest.approx(0.038339, abs=1e-6)
    drawn: list[np.ndarray] = []

    def statistic(weights: np.ndarray) -> np.ndarray:
        drawn.append(auroc.weighted(truth, score, weights))
        return drawn[-1]

    patient_bootstrap(statistic, groups, seed=0)
    assert np.concatenate(drawn[1:]).std() == pytest.approx(0.0383, abs=0.001)


@given(scored())
@settings(deadline=None, max_examples=100)
def test_placements_equal_their_definition(case: tuple[np.ndarray, np.ndarray]) -> None:
    truth, p = case
    higher = p[truth][:, None] > p[~truth]
    kernel = higher + 0.5 * (p[truth][:, None] == p[~truth])
    v = placements(truth, p)
    assert v.auroc == pytest.approx(kernel.mean(), abs=1e-12)
    assert v.positive == pytest.approx(kernel.mean(axis=1), abs=1e-12)
    assert v.negative == pytest.approx(kernel.mean(axis=0), abs=1e-12)


@given(scored())
@settings(deadline=None, max_examples=100)
def test_clustered_variance_is_delongs_when_no_patient_repeats(case: tuple[np.ndarray, np.ndarray]) -> None:
    truth, p = case
    groups = np.random.default_rng(0).permutation(truth.size)
    assert clustered_variance(truth, p, groups) == pytest.approx(delong_variance(truth, p), abs=1e-12)


@given(scored(), st.integers(2, 20))
@settings(deadline=None, max_examples=100)
def test_clustered_variance_is_never_negative(case: tuple[np.ndarray, np.ndarray], patients: int) -> None:
    truth, p = case
    groups = np.arange(truth.size) % patients
    variance = clustered_variance(truth, p, groups)
    assert np.isnan(variance) or variance >= -1e-15


def test_clustered_variance_by_hand() -> None:
    # Patients: 0 has p=.9 (+) and p=.2 (−); 1 has p=.4 (+); 2 has p=.6 (−) and p=.1 (−).
    truth = np.array([True, False, True, False, False])
    p = np.array([0.9, 0.2, 0.4, 0.6, 0.1])
    groups = np.array([0, 0, 1, 2, 2])
    # V10 = 1, 2/3; θ = 5/6. V01 = 1 (p=.2), 1/2 (p=.6), 1 (p=.1).
    # a = 1/6, −1/6, 0; b = 1/6, 0, (1/2 + 1 − 5/3) = −1/6.
    s10 = 2 / (1 * 2) * (2 / 36)
    s01 = 2 / (1 * 3) * (2 / 36)
    s11 = 3 / 2 * (1 / 36)
    expected = s10 / 2 + s01 / 3 + 2 * s11 / 6
    assert clustered_variance(truth, p, groups) == pytest.approx(expected, rel=1e-12)


@given(scored())
@settings(deadline=None, max_examples=50)
def test_auroc_ignores_monotone_maps_and_turns_with_the_sign(case: tuple[np.ndarray, np.ndarray]) -> None:
    truth, p = case
    assert auroc.measure(truth, np.exp(3 * p) - 7) == auroc.measure(truth, p)
    assert auroc.measure(truth, 1 - p) == pytest.approx(1 - auroc.measure(truth, p), abs=1e-12)


@given(scored())
@settings(deadline=None, max_examples=50)
def test_the_interval_contains_its_auroc(case: tuple[np.ndarray, np.ndarray]) -> None:
    truth, p = case
    one = auroc_estimate(truth, p, np.arange(truth.size) // 2)
    assert one.value is not None
    if one.low is None or one.high is None:
        assert one.note
    else:
        assert 0 <= one.low <= one.value <= one.high <= 1


def test_coverage_with_patients_that_repeat() -> None:
    """95 % intervals of clustered studies hold the true AUROC about 95 times in 100; DeLong's do not."""
    generator = np.random.default_rng(0)
    simulations, patients, studies = 400, 60, 5
    groups = np.repeat(np.arange(patients), studies)
    true_auroc = 0.7602499  # Φ(1/√2): positives N(1, 1), negatives N(0, 1)
    covered, naive = 0, 0
    for _ in range(simulations):
        truth = np.repeat(generator.random(patients) < 0.4, studies)
        own = np.repeat(generator.normal(size=patients), studies) * 0.8**0.5
        score = truth + own + generator.normal(size=truth.size) * 0.2**0.5
        one = auroc_estimate(truth, score, groups)
        wrong = auroc_estimate(truth, score, np.arange(truth.size))
        assert one.low is not None
        assert one.high is not None
        assert wrong.low is not None
        assert wrong.high is not None
        covered += one.low <= true_auroc <= one.high
        naive += wrong.low <= true_auroc <= wrong.high
    assert 0.92 <= covered / simulations <= 0.98
    assert naive / simulations < 0.75


def test_perfect_and_worthless_scores_are_not_certain() -> None:
    truth = np.array([False] * 10 + [True] * 8)
    perfect = auroc_estimate(truth, truth * 0.8, np.arange(18))
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(0.025 ** (1 / 8))  # 8 pairs that share no patient
    assert "exact" in perfect.method
    constant = auroc_estimate(truth, np.full(18, 0.3), np.arange(18))
    assert (constant.value, constant.low) == (0.5, None)
    assert constant.note
    alone = auroc_estimate(truth, truth * 0.8, np.repeat([0, 1], 9))
    assert alone.low == pytest.approx(0.025)


def test_one_class_is_not_estimable() -> None:
    one = auroc_estimate(np.ones(4, dtype=bool), np.linspace(0, 1, 4), np.arange(4))
    assert one.value is None
    assert one.note
    assert np.isnan(auroc.measure(np.ones(4, dtype=bool), np.linspace(0, 1, 4)))


@given(scored())
@settings(deadline=None, max_examples=50)
def test_curves_equal_scikit_learns(case: tuple[np.ndarray, np.ndarray]) -> None:
    truth, p = case
    curve = roc_curve(truth, p)
    x, y, _ = sk.roc_curve(truth, p, drop_intermediate=False)
    assert np.interp(x, curve.x, curve.y).max() == 1
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(auroc.measure(truth, p), abs=1e-12)
    assert {*zip(curve.x, curve.y, strict=True)} <= {*zip(x.tolist(), y.tolist(), strict=True)}
    pr = precision_recall_curve(truth, p)
    precision, recall, _ = sk.precision_recall_curve(truth, p)
    reached = np.diff(recall[::-1]) > 0
    assert pr.x == pytest.approx(recall[-2::-1][reached])
    assert pr.y == pytest.approx(precision[-2::-1][reached])
    area = np.sum(np.diff(pr.x, prepend=0) * np.array(pr.y))
    assert area == pytest.approx(sk.average_precision_score(truth, p), abs=1e-12)


@pytest.mark.parametrize("n", [1_000, 300_000])
def test_large_curves_are_thinned_and_stay_the_same_curve(n: int) -> None:
    generator = np.random.default_rng(n)
    truth = generator.random(n) < 0.3
    p = generator.normal(size=n) + truth
    roc, pr = roc_curve(truth, p), precision_recall_curve(truth, p)
    assert len(roc.x) <= MOST_POINTS
    assert len(pr.x) <= MOST_POINTS
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1], pr.x[-1]) == (0, 0, 1, 1, 1)
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(sk.roc_auc_score(truth, p), abs=2e-4)
    area = np.sum(np.diff(pr.x, prepend=0) * np.array(pr.y))
    assert area == pytest.approx(sk.average_precision_score(truth, p), abs=5e-3)
    recalls = np.array(pr.x)
    precision, recall, _ = sk.precision_recall_curve(truth, p)
    assert np.isin(recalls, recall).all()
    assert len(precision) > len(pr.x)
