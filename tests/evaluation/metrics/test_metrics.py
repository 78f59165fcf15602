"""Every metric equals scikit-learn's, plain and weighted."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from medtransfer.evaluation.metrics import auroc, average_precision, brier, log_loss

PAIRS = [
    (auroc, sk.roc_auc_score),
    (average_precision, sk.average_precision_score),
    (brier, sk.brier_score_loss),
    (log_loss, sk.log_loss),
]
each = pytest.mark.parametrize(("metric", "reference"), PAIRS, ids=[one.__name__ for one, _ in PAIRS])


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = draw(st.integers(3, 50))
    truth = draw(hnp.arrays(bool, n))
    truth[:2] = [True, False]
    p = draw(hnp.arrays(np.float64, n, elements=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 1.0]))))
    weights = draw(hnp.arrays(np.int64, (3, n), elements=st.integers(0, 4))).astype(float)
    weights[:, :2] += 1  # neither class may vanish
    return truth, p, weights


@each
@given(case=cases())
@settings(deadline=None, max_examples=60)
def test_equals_scikit_learn(metric: ModuleType, reference, case: tuple[np.ndarray, ...]) -> None:
    truth, p, weights = case
    assert metric.measure(truth, p) == pytest.approx(reference(truth, p), rel=1e-12, abs=1e-12)
    expected = [reference(truth, p, sample_weight=row) for row in weights]
    assert metric.weighted(truth, p, weights) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@each
def test_weights_are_repetitions(metric: ModuleType, reference) -> None:
    truth, p = np.array([True, False, True]), np.array([0.7, 0.4, 0.4])
    repeated = np.repeat([0, 1, 2], [2, 1, 3])
    weighted = metric.weighted(truth, p, np.array([[2.0, 1.0, 3.0]]))[0]
    assert weighted == pytest.approx(metric.measure(truth[repeated], p[repeated]), rel=1e-12)
    assert reference.__name__


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_nan_without_positives(metric: ModuleType) -> None:
    truth, p = np.array([False, False]), np.array([0.2, 0.8])
    assert np.isnan(metric.measure(truth, p))
    assert np.isnan(metric.weighted(truth, p, np.ones((1, 2)))[0])


def test_brier_of_the_published_example() -> None:
    truth = np.array([False, True, True, False])
    assert brier.measure(truth, np.array([0.1, 0.9, 0.8, 0.3])) == pytest.approx(0.0375)


def test_a_certain_error_costs_thirty_six_nats() -> None:
    assert log_loss.measure(np.array([True]), np.array([0.0])) == pytest.approx(52 * np.log(2), rel=1e-12)


@pytest.mark.real_data
@pytest.mark.parametrize(("marker", "value"), [("wfns", 0.6803366), ("s100b", 0.6856209), ("ndka", 0.4862487)])
def test_average_precision_of_asah(asah: pd.DataFrame, marker: str, value: float) -> None:
    truth = (asah["outcome"] == "Poor").to_numpy(dtype=bool)
    measured = average_precision.measure(truth, asah[marker].to_numpy(dtype=float))
    assert measured == pytest.approx(value, abs=5.1e-8)
