"""Average precision: area under the precision-recall steps.

    AP = Σ_k (R_k − R_{k−1}) · P_k,   k over the distinct probabilities from the highest down

with R recall and P precision when called positive from the k-th probability on. A score that knows
nothing reaches the prevalence, so the two are shown together. NaN where there is no positive study.

Reference: Boyd, Eng, Page 2013 (no interpolation); equal to `sklearn.metrics.average_precision_score`.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights


def measure(truth: Truths, probability: Probabilities) -> float:
    """Average precision of the positive class, in [0, 1]."""
    if not truth.any():
        return float("nan")
    return float(weighted(truth, probability, np.ones((1, truth.size)))[0])


def weighted(truth: Truths, probability: Probabilities, weights: ReplicateWeights) -> ReplicateValues:
    """Average precision under each row of case weights; NaN where no positive study has weight."""
    order = np.argsort(-probability, kind="stable")
    ties = np.flatnonzero(np.append(True, np.diff(probability[order]) != 0))
    positive = np.add.reduceat(weights[:, order] * truth[order], ties, axis=1)
    called = np.cumsum(np.add.reduceat(weights[:, order], ties, axis=1), axis=1)
    found = np.cumsum(positive, axis=1)
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    area = (positive * precision).sum(axis=1)
    return np.divide(area, found[:, -1], out=np.full(len(weights), np.nan), where=found[:, -1] > 0)
