"""AUROC: the probability that a positive study scores above a negative one, ties counting half.

    θ = 1/(m·n) · Σ_positives Σ_negatives [p₊ > p₋] + ½·[p₊ = p₋]

NaN where a class is missing. Below .5 it is shown as such: the direction is never turned round.

Reference: Hanley, McNeil 1982; equal to `sklearn.metrics.roc_auc_score`.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights
from medtransfer.evaluation.roc import placements


def measure(truth: Truths, probability: Probabilities) -> float:
    """AUROC of the positive class, in [0, 1]."""
    if truth.all() or not truth.any():
        return float("nan")
    return min(1.0, placements(truth, probability).auroc)


def weighted(truth: Truths, probability: Probabilities, weights: ReplicateWeights) -> ReplicateValues:
    """AUROC under each row of case weights; NaN where a class has no weight."""
    order = np.argsort(probability, kind="stable")
    ties = np.flatnonzero(np.append(True, np.diff(probability[order]) != 0))
    positive = np.add.reduceat(weights[:, order] * truth[order], ties, axis=1)
    negative = np.add.reduceat(weights[:, order] * ~truth[order], ties, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    right = (positive * below).sum(axis=1)
    return np.divide(right, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
