"""What is found out about a metric by asking it, and decisions as a metric."""

from __future__ import annotations

import numpy as np
import pytest

from medtransfer.core.errors import CatalogueError
from medtransfer.evaluation.comparison.finding_measures import METRICS, decision_measures, direction, metric_measure

TRUTH = np.array([True, True, False, False, False, True])
SCORES = (np.array([0.9, 0.3, 0.4, 0.2, 0.1, 0.6]), np.array([0.6, 0.7, 0.1, 0.65, 0.3, 0.2]))
GROUPS = np.array([0, 1, 2, 3, 3, 4])


def share_called(truth: np.ndarray, probability: np.ndarray) -> float:
    """A metric of a user's own: sensitivity from one half on."""
    return float((probability[truth] >= 0.5).mean()) if truth.any() else float("nan")


@pytest.mark.parametrize(
    ("metric", "better", "stratified"),
    [
        ("auroc", "higher", True),
        ("average_precision", "higher", False),
        ("brier", "lower", False),
        ("log_loss", "lower", False),
        (f"{__name__}:share_called", "higher", True),
    ],
)
def test_direction_and_strata_are_found_by_asking(metric: str, better: str, stratified: bool) -> None:
    found = metric_measure(metric, TRUTH, SCORES, GROUPS)
    assert found.better == better
    assert (found.strata is not None) == stratified


def test_every_entry_of_the_catalogue_can_be_compared() -> None:
    weights = np.array([[1.0] * 6, [2, 0, 1, 1, 1, 3]])
    for name in METRICS.names():
        metric = METRICS.get(name)
        assert direction(metric) in {"higher", "lower"}
        found = metric_measure(name, TRUTH, SCORES, GROUPS).statistic(weights)
        for row, times in zip(found, weights.astype(int), strict=True):
            truth = np.repeat(TRUTH, times)
            assert row == pytest.approx([metric(truth, np.repeat(one, times)) for one in SCORES], rel=1e-12)


def test_a_function_of_the_users_own_is_asked_about_repeated_studies() -> None:
    found = metric_measure(f"{__name__}:share_called", TRUTH, SCORES, GROUPS)
    weights = np.array([[1.0] * 6, [0, 2, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0]])
    expected = [[2 / 3, 2 / 3], [1 / 3, 2 / 3], [np.nan, np.nan]]
    assert found.statistic(weights) == pytest.approx(np.array(expected), nan_ok=True)
    assert found.name == "share called"


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(CatalogueError, match="Did you mean 'auroc'"):
        metric_measure("aurok", TRUTH, SCORES, GROUPS)


def test_decisions_are_shares_within_a_class() -> None:
    called = np.stack([one >= 0.5 for one in SCORES], axis=1)
    sensitivity, specificity = decision_measures(TRUTH, called, GROUPS)
    weights = np.array([[1.0] * 6, [3, 0, 1, 2, 1, 1], [1, 1, 0, 0, 0, 1]])
    assert sensitivity.statistic(weights)[:2] == pytest.approx(np.array([[2 / 3, 2 / 3], [1.0, 3 / 4]]))
    assert specificity.statistic(weights)[:2] == pytest.approx(np.array([[1.0, 2 / 3], [1.0, 2 / 4]]))
    assert np.isnan(specificity.statistic(weights)[2]).all()
    assert (sensitivity.n, specificity.n) == (3, 3)
