"""Average precision: area under the precision-recall steps.

    AP = Σ_k (R_k − R_{k−1}) · P_k,   k over the distinct probabilities from the highest down

with R recall and P precision when called positive from the k-th probability on. A score that knows
nothing reaches the prevalence, so the two are shown together. NaN where there is no positive study.

Reference: Boyd, Eng, Page 2013 (no interpolation); equal to `sklearn.metrics.average_precision_score`.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.ranking import Ranking, Sums, ranking
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic


def measure(truth: Truths, probability: Probabilities) -> float:
    """Average precision of the positive class, in [0, 1]."""
    if not truth.any():
        return float("nan")
    return float(weighted(truth, probability, np.ones((1, truth.size)))[0])


def weighted(truth: Truths, probability: Probabilities, weights: ReplicateWeights) -> ReplicateValues:
    """Average precision under each row of case weights; NaN where no positive study has weight."""
    return statistic(ranking(truth, probability))(weights)


def statistic(ranked: Ranking) -> Statistic:
    """Average precision for many replicates of the same studies: `weighted`, ranked once."""
    return lambda weights: of_sums(ranked, ranked.sums(weights))


def of_sums(ranked: Ranking, sums: Sums) -> ReplicateValues:
    """Average precision from the running sums."""
    blocks = ranked.with_positive
    below = np.take(sums.positive, blocks.first, axis=1)
    found = sums.m - below
    called = sums.everyone[:, -1:] - np.take(sums.everyone, blocks.start, axis=1)
    precision = np.divide(found, called, out=np.zeros(found.shape), where=called > 0)
    here = np.take(sums.positive, blocks.last, axis=1) - below
    area, m = np.einsum("rb,rb->r", here, precision), sums.m[:, 0]
    return np.divide(area, m, out=np.full(len(area), np.nan), where=m > 0)
