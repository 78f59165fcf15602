"""Figures of a 2 × 2 table of truth against call, for many tables at once.

A table is a row of four shares or counts: true positive, false positive, false negative, true negative. What is not
defined is NaN.

    F1                = 2·TP / (2·TP + FP + FN)
    balanced accuracy = (se + sp) / 2
    MCC               = (TP·TN − FP·FN) / √((TP+FP)·(TP+FN)·(TN+FP)·(TN+FN))
    alert rate        = (TP + FP) / (TP + FP + FN + TN)

At a stated prevalence π the table is [π·se, (1−π)·(1−sp), π·(1−se), (1−π)·sp].

Reference: van Rijsbergen 1979 (F1); Matthews 1975 (MCC).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from jaxtyping import Float64

from medtransfer.core.types import Truths
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic

Tables = Annotated[Float64[np.ndarray, "table 4"], "true positive, false positive, false negative, true negative"]


def tables(truth: Truths, called: Truths) -> Statistic:
    """The statistic that counts, under each row of case weights, the four cells."""
    cells = np.stack([called & truth, called & ~truth, ~called & truth, ~called & ~truth]).astype(np.float64).T

    def statistic(weights: ReplicateWeights) -> Tables:
        return weights @ cells

    return statistic


def at_prevalence(table: Tables, prevalence: float) -> Tables:
    """The tables as they would be where the finding is as frequent as stated; NaN where a class is missing."""
    sides = table @ np.array([[1.0, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]])
    shares = np.array([prevalence, 1 - prevalence, prevalence, 1 - prevalence])
    return shares * _ratio(table, sides)


def f1(table: Tables) -> ReplicateValues:
    """F1 of each table; NaN where no study has the finding and none is called positive."""
    tp, fp, fn, _ = table.T
    return _ratio(2 * tp, 2 * tp + fp + fn)


def balanced_accuracy(table: Tables) -> ReplicateValues:
    """Mean of sensitivity and specificity of each table; NaN where a class is missing."""
    tp, fp, fn, tn = table.T
    return (_ratio(tp, tp + fn) + _ratio(tn, tn + fp)) / 2


def mcc(table: Tables) -> ReplicateValues:
    """Matthews' correlation of each table; NaN where one class or one call is missing."""
    tp, fp, fn, tn = table.T
    # Roots before the product: it would pass 2⁵³, and lose digits, from some ten thousand studies on.
    scale = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return np.clip(_ratio(tp * tn - fp * fn, scale), -1, 1)


def alert_rate(table: Tables) -> ReplicateValues:
    """Share of each table that is called positive."""
    return _ratio(table[:, 0] + table[:, 1], table.sum(axis=1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
