from __future__ import annotations

import numpy as np
import pytest

from medtransfer.evaluation.metrics import auroc, average_precision
from medtransfer.evaluation.ranking import ranking

TRUTH = np.array([True, False, True, False, True, False])
P = np.array([0.4, 0.1, 0.9, 0.4, 0.4, 0.7])
WEIGHTS = np.array([[1.0, 1, 1, 1, 1, 1], [2, 0, 1, 3, 0, 1]])


def test_blocks_by_hand() -> None:
    ranked = ranking(TRUTH, P)  # .1−, .4+ .4− .4+, .7−, .9+
    assert ranked.order is not None
    assert P[ranked.order].tolist() == [0.1, 0.4, 0.4, 0.4, 0.7, 0.9]
    assert ranked.blocks.start.tolist() == [0, 1, 4, 5]
    assert ranked.blocks.end.tolist() == [1, 4, 5, 6]
    assert (ranked.blocks.last - ranked.blocks.first).tolist() == [0, 2, 0, 1]
    assert ranked.with_positive.start.tolist() == [1, 5]
    assert ranked.with_negative.start.tolist() == [0, 1, 4]
    sums = ranked.sums(WEIGHTS)
    assert sums.everyone.tolist() == [[0, 1, 2, 3, 4, 5, 6], [0, 0, 2, 5, 5, 6, 7]]
    assert sums.m.ravel().tolist() == [3, 3]
    assert sums.n.ravel().tolist() == [3, 4]


def test_what_ascends_is_not_sorted_again() -> None:
    order = np.argsort(P, kind="stable")
    assert ranking(TRUTH[order], P[order]).order is None
    assert ranking(TRUTH[order], P[order], order).order is order


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_some_of_the_studies(metric) -> None:
    """Ranked where a finding is known, weighed among all."""
    rows = np.array([5, 0, 2, 3])
    found = metric.statistic(ranking(TRUTH[rows], P[rows], rows))(WEIGHTS)
    assert found == pytest.approx(metric.weighted(TRUTH[rows], P[rows], WEIGHTS[:, rows]))


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_weights_may_be_fractions(metric) -> None:
    half = metric.weighted(TRUTH, P, WEIGHTS / 2)
    assert half == pytest.approx(metric.weighted(TRUTH, P, WEIGHTS), rel=1e-12)


def test_no_study() -> None:
    nothing = np.empty(0)
    assert np.isnan(auroc.weighted(nothing.astype(bool), nothing, np.ones((2, 0)))).all()
    assert np.isnan(average_precision.weighted(nothing.astype(bool), nothing, np.ones((2, 0)))).all()


def test_order_of_rows_changes_no_bit() -> None:
    generator = np.random.default_rng(0)
    truth, p = generator.random(500) < 0.3, generator.integers(0, 60, 500) / 60
    weights = generator.integers(0, 4, (5, 500)).astype(np.float64)
    shuffled = generator.permutation(500)
    again = auroc.weighted(truth[shuffled], p[shuffled], weights[:, shuffled])
    assert again.tobytes() == auroc.weighted(truth, p, weights).tobytes()
    assert auroc.measure(truth[shuffled], p[shuffled]) == auroc.measure(truth, p)
