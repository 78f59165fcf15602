"""AUROC: the probability that a positive study scores above a negative one, ties counting half.

    θ = 1/(m·n) · Σ_positives Σ_negatives [p₊ > p₋] + ½·[p₊ = p₋]

NaN where a class is missing. Below .5 it is shown as such: the direction is never turned round. Under weights, with m
and n the sums of those of the positives and negatives, W and P the running sums of `ranking` over its blocks b,

    θ = ( Σ_b [P(last_b) − P(first_b)]·[W(start_b) + W(end_b)] − m² ) / (2·m·n),

the rank-sum form: the mean rank of the positives, less what they rank above one another.

Reference: Hanley, McNeil 1982; equal to `sklearn.metrics.roc_auc_score`.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.ranking import Ranking, Sums, ranking
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic
from medtransfer.evaluation.roc import placements


def measure(truth: Truths, probability: Probabilities) -> float:
    """AUROC of the positive class, in [0, 1]."""
    if truth.all() or not truth.any():
        return float("nan")
    return placements(truth, probability).auroc


def weighted(truth: Truths, probability: Probabilities, weights: ReplicateWeights) -> ReplicateValues:
    """AUROC under each row of case weights; NaN where a class has no weight."""
    return statistic(ranking(truth, probability))(weights)


def statistic(ranked: Ranking) -> Statistic:
    """AUROC for many replicates of the same studies: `weighted`, ranked once."""
    return lambda weights: of_sums(ranked, ranked.sums(weights))


def of_sums(ranked: Ranking, sums: Sums) -> ReplicateValues:
    """AUROC from the running sums."""
    blocks = ranked.with_positive
    here = np.take(sums.positive, blocks.last, axis=1) - np.take(sums.positive, blocks.first, axis=1)
    ranks = np.take(sums.everyone, blocks.start, axis=1) + np.take(sums.everyone, blocks.end, axis=1)
    m, n = sums.m[:, 0], sums.n[:, 0]
    pairs = 2.0 * m * n
    right = np.einsum("rb,rb->r", here, ranks) - m * m
    return np.divide(right, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
