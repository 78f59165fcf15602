"""Net benefit: true positives, less the false positives that they are worth at a threshold.

    NB(t)     = TP/n − FP/n · t/(1−t)              acting on studies with p ≥ t
    all(t)    = P/n − N/n · t/(1−t)                acting on everyone; acting on no one is 0
    avoided(t) = (NB(t) − all(t)) · (1−t)/t = TN/n − FN/n · (1−t)/t        interventions, against acting on everyone

The odds t/(1−t) are what a false positive weighs for someone who acts from a risk of t on. At a stated prevalence π the
shares are those of a cohort in which the finding is as frequent as stated: TP/n = π·se(t), FP/n = (1−π)·(1−sp(t)), and
the probabilities are shifted to π beforehand (`prevalence`).

Ties: a study is acted on at p ≥ t, as everywhere here. The package dcurves first moves a probability of exactly 0 below
0, and one of exactly 1 above 1, so that it acts on no study with p = 0, not even at t = 0; at every t > 0 the two rules
are one. `tests/evaluation/test_net_benefit.py` pins both.

Reference: Vickers, Elkin 2006; Vickers, Van Calster, Steyerberg 2019 (interventions avoided).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float64

from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.resampling import ReplicateWeights, Statistic

Thresholds = Float64[np.ndarray, " threshold"]
ReplicateCurves = Float64[np.ndarray, "replicate threshold"]
ReplicateShares = Float64[np.ndarray, "replicate share"]

THRESHOLDS: Final = tuple(k / 100 for k in range(1, 100))
"""Where the decision curve is measured."""


def shares(truth: Truths, probability: Probabilities, thresholds: Thresholds) -> Statistic:
    """The statistic TP/n at each threshold, then FP/n at each, then P/n, under each row of case weights.

    The studies are in ascending order of probability, so that those at or above a threshold are the last ones: sums
    between neighbouring thresholds, added up from the end, serve all of them in one pass.
    """
    first = np.searchsorted(probability, thresholds, side="left")
    starts, position = np.unique(np.append(np.minimum(first, truth.size - 1), 0), return_inverse=True)
    acts = first < truth.size

    def statistic(weights: ReplicateWeights) -> ReplicateShares:
        if not truth.size:
            return np.full((len(weights), 2 * thresholds.size + 1), np.nan)
        n = weights.sum(axis=1, keepdims=True)
        everyone, positive = (
            np.cumsum(np.add.reduceat(part, starts, axis=1)[:, ::-1], axis=1)[:, ::-1] / n
            for part in (weights, weights * truth)
        )
        called = position.reshape(-1)[:-1]
        found = positive[:, called] * acts
        return np.concatenate([found, everyone[:, called] * acts - found, positive[:, :1]], axis=1)

    return statistic


def at_prevalence(share: ReplicateShares, prevalence: float) -> ReplicateShares:
    """Shares as they would be where the finding is as frequent as stated; NaN where a class is missing."""
    count = share.shape[1] // 2
    positive = share[:, -1:]
    moved = np.concatenate(
        [
            prevalence * _ratio(share[:, :count], positive),
            (1 - prevalence) * _ratio(share[:, count:-1], 1 - positive),
            np.full_like(positive, prevalence),
        ],
        axis=1,
    )
    moved[np.isnan(moved).any(axis=1)] = np.nan
    return moved


def net_benefit(share: ReplicateShares, thresholds: Thresholds) -> ReplicateCurves:
    """NB at each threshold; NaN at a threshold of 1 or more."""
    count = thresholds.size
    return share[:, :count] - share[:, count:-1] * _odds(thresholds)


def treat_all(share: ReplicateShares, thresholds: Thresholds) -> ReplicateCurves:
    """NB of acting on everyone."""
    return share[:, -1:] - (1 - share[:, -1:]) * _odds(thresholds)


def avoided(share: ReplicateShares, thresholds: Thresholds) -> ReplicateCurves:
    """Interventions avoided per 100 people; NaN at a threshold of 0, where none is worth avoiding."""
    count = thresholds.size
    missed = share[:, -1:] - share[:, :count]
    spared = 1 - share[:, -1:] - share[:, count:-1]
    return 100 * (spared - missed * _ratio(1 - thresholds, thresholds))


def _odds(thresholds: Thresholds) -> Thresholds:
    return _ratio(thresholds, 1 - thresholds)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > np.finfo(np.float64).tiny)
