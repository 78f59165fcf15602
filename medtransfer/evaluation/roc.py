"""AUROC with its variance, and the points of the ROC and precision-recall curves.

The direction is fixed: a higher probability means more positive. An AUROC below .5 is shown as such.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import rankdata

from medtransfer.core.results import Curve, Estimate
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.intervals import logit_interval


@dataclass(frozen=True, kw_only=True)
class Placements:
    """AUROC θ and its parts, the placement values of every positive and every negative study.

    Attributes:
        auroc: θ, the mean of either.
        positive: V10, per positive: share of negatives with a lower probability (ties count half).
        negative: V01, per negative: share of positives with a higher probability (ties count half).
    """

    auroc: float
    positive: Float64[np.ndarray, " positive"]
    negative: Float64[np.ndarray, " negative"]


def placements(truth: Truths, probability: Probabilities) -> Placements:
    """Placement values by midranks, in O(n log n); there must be studies of both classes.

        V10 = (R − R_positive) / n,   V01 = 1 − (R − R_negative) / m,   θ = mean V10

    with R the midrank among all studies, R_positive and R_negative those within the class,
    m positives and n negatives.

    Reference: Sun, Xu 2014 (fast implementation of DeLong's algorithm).
    """
    positive, negative = probability[truth], probability[~truth]
    ranks = rankdata(probability)
    v10 = (ranks[truth] - rankdata(positive)) / negative.size
    v01 = 1 - (ranks[~truth] - rankdata(negative)) / positive.size
    return Placements(auroc=float(v10.mean()), positive=v10, negative=v01)


def delong_variance(truth: Truths, probability: Probabilities) -> float:
    """Variance of AUROC for independent studies; NaN with fewer than two of either class.

        S10/m + S01/n,   S10 = Σ(V10 − θ)²/(m−1),   S01 = Σ(V01 − θ)²/(n−1)

    Reference: DeLong, DeLong, Clarke-Pearson 1988.
    """
    v = placements(truth, probability)
    m, n = v.positive.size, v.negative.size
    if min(m, n) < 2:
        return float("nan")
    return float(v.positive.var(ddof=1) / m + v.negative.var(ddof=1) / n)


def clustered_variance(truth: Truths, probability: Probabilities, groups: Groups) -> float:
    """Variance of AUROC when a patient may have several studies, of one class or of both.

        S10/m + S01/n + 2·S11/(m·n)
        S10 = I10/((I10−1)·m) · Σᵢ a²,   S01 = I01/((I01−1)·n) · Σᵢ b²,   S11 = I/(I−1) · Σᵢ a·b
        a = V10ᵢ· − mᵢ·θ,   b = V01ᵢ· − nᵢ·θ

    over patients i, with mᵢ positive and nᵢ negative studies and placement values summed within the
    patient; I10, I01 and I count the patients with a positive, with a negative, with any study.
    With one study per patient it equals DeLong's variance exactly: I10 = m, I01 = n, and S11 = 0 as no
    patient has both. NaN with fewer than two patients of either class.

    Reference: Obuchowski 1997 (nonparametric analysis of clustered ROC curve data).
    """
    v = placements(truth, probability)
    patients, position = np.unique(groups, return_inverse=True)
    a = np.bincount(position[truth], weights=v.positive - v.auroc, minlength=patients.size)
    b = np.bincount(position[~truth], weights=v.negative - v.auroc, minlength=patients.size)
    with_positive, with_negative = np.unique(groups[truth]).size, np.unique(groups[~truth]).size
    if min(with_positive, with_negative) < 2:
        return float("nan")
    m, n = v.positive.size, v.negative.size
    s10 = with_positive / ((with_positive - 1) * m) * np.sum(a * a)
    s01 = with_negative / ((with_negative - 1) * n) * np.sum(b * b)
    s11 = patients.size / (patients.size - 1) * np.sum(a * b)
    return float(s10 / m + s01 / n + 2 * s11 / (m * n))


def auroc_estimate(
    truth: Truths,
    probability: Probabilities,
    groups: Groups,
    *,
    level: float = 0.95,
    of: str | None = None,
) -> Estimate:
    """AUROC with its interval on the logit scale: DeLong's, or Obuchowski's where patients repeat."""
    clustered = np.unique(groups).size < groups.size
    method = "Obuchowski (clustered), logit scale" if clustered else "DeLong, logit scale"
    n = int(truth.size)
    if truth.all() or not truth.any():
        note = "only one class among the studies"
        return Estimate(name="AUROC", value=None, level=level, method=method, n=n, of=of, note=note)
    value = min(1.0, placements(truth, probability).auroc)
    variance = clustered_variance(truth, probability, groups)
    pairs = _independent_pairs(truth, groups)
    interval = logit_interval(value, max(variance, 0.0) ** 0.5, level, trials=pairs)
    if interval is None:
        note = "no interval: too few patients of one class, or no variation"
        return Estimate(name="AUROC", value=value, level=level, method=method, n=n, of=of, note=note)
    if value in {0.0, 1.0}:
        method = f"exact, {pairs} independent pairs"
    return Estimate(
        name="AUROC",
        value=value,
        low=interval.low,
        high=interval.high,
        level=level,
        method=method,
        n=n,
        of=of,
    )


def roc_curve(truth: Truths, probability: Probabilities) -> Curve:
    """False-positive rate (x) against sensitivity (y) from (0, 0) to (1, 1), corners only.

    A point is left out where it lies on the straight line between its neighbours.
    """
    true_positive, false_positive = _counts(truth, probability)
    tp, fp = np.concatenate([[0], true_positive]), np.concatenate([[0], false_positive])
    corner = np.ones(tp.size, dtype=bool)
    corner[1:-1] = np.diff(tp)[:-1] * np.diff(fp)[1:] != np.diff(tp)[1:] * np.diff(fp)[:-1]
    return Curve(x=tuple((fp[corner] / fp[-1]).tolist()), y=tuple((tp[corner] / tp[-1]).tolist()))


def precision_recall_curve(truth: Truths, probability: Probabilities) -> Curve:
    """Recall (x) against precision (y), one point per distinct probability, the highest first.

    To be drawn as steps: average precision is the area under the steps. No point at recall 0 is made up.
    """
    tp, fp = _counts(truth, probability)
    return Curve(x=tuple((tp / tp[-1]).tolist()), y=tuple((tp / (tp + fp)).tolist()))


def _counts(truth: Truths, probability: Probabilities) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives when called positive from each distinct probability on, highest first."""
    order = np.argsort(-probability, kind="stable")
    last_of_tie = np.append(np.diff(probability[order]) != 0, True)
    true_positive = np.cumsum(truth[order])[last_of_tie]
    return true_positive, np.flatnonzero(last_of_tie) + 1 - true_positive


def _independent_pairs(truth: Truths, groups: Groups) -> int:
    """The most pairs (positive, negative) of two patients in which no patient occurs twice."""
    positives, negatives = np.unique(groups[truth]).size, np.unique(groups[~truth]).size
    return min(positives, negatives, np.unique(groups).size // 2)
