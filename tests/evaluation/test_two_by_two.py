from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef

from medtransfer.evaluation.two_by_two import alert_rate, at_prevalence, balanced_accuracy, f1, mcc, tables

cells = st.tuples(*[st.integers(1, 80)] * 4)


@given(cells)
@settings(deadline=None, max_examples=60)
def test_figures_equal_those_of_scikit_learn(one: tuple[int, int, int, int]) -> None:
    table = np.array([one], dtype=float)
    truth, called = np.repeat([1, 0, 1, 0], one), np.repeat([1, 1, 0, 0], one)
    assert f1(table)[0] == pytest.approx(f1_score(truth, called))
    assert balanced_accuracy(table)[0] == pytest.approx(balanced_accuracy_score(truth, called))
    assert mcc(table)[0] == pytest.approx(matthews_corrcoef(truth, called), abs=1e-12)
    assert alert_rate(table)[0] == pytest.approx(called.mean())


@given(cells, st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=60)
def test_a_stated_prevalence_keeps_both_rates(one: tuple[int, int, int, int], prevalence: float) -> None:
    table = np.array([one], dtype=float)
    moved = at_prevalence(table, prevalence)
    tp, fp, fn, tn = moved[0]
    assert moved.sum() == pytest.approx(1)
    assert tp + fn == pytest.approx(prevalence)
    assert tp / (tp + fn) == pytest.approx(one[0] / (one[0] + one[2]))
    assert tn / (tn + fp) == pytest.approx(one[3] / (one[3] + one[1]))
    assert balanced_accuracy(moved) == pytest.approx(balanced_accuracy(table))
    own = (one[0] + one[2]) / sum(one)
    assert at_prevalence(table, own) * sum(one) == pytest.approx(table)


def test_what_is_not_defined_is_nan() -> None:
    nobody = np.zeros((1, 4))
    assert all(np.isnan(figure(nobody)[0]) for figure in (f1, balanced_accuracy, mcc, alert_rate))
    only_negative = np.array([[0.0, 3, 0, 4]])
    assert f1(only_negative)[0] == 0
    assert np.isnan(balanced_accuracy(only_negative)[0])
    assert np.isnan(mcc(only_negative)[0])
    assert np.isnan(at_prevalence(only_negative, 0.2)).any()
    assert np.isnan(mcc(np.array([[3.0, 5, 0, 0]]))[0])  # everyone called positive


def test_large_counts_lose_no_digits() -> None:
    table = np.array([[40_000.0, 100, 50, 59_850]]) * 1e5
    assert mcc(table)[0] == pytest.approx(mcc(table / 1e5)[0], rel=1e-12)


def test_weights_count_studies() -> None:
    truth, called = np.array([True, True, False, False, True]), np.array([True, False, True, False, True])
    weights = np.array([[1.0, 1, 1, 1, 1], [2, 0, 3, 1, 0]])
    assert tables(truth, called)(weights).tolist() == [[2, 1, 1, 1], [2, 3, 0, 1]]
