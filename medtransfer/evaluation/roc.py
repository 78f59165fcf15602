"""AUROC with its variance, and the points of the ROC and precision-recall curves.

The direction is fixed: a higher probability means more positive. An AUROC below .5 is shown as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from medtransfer.core.results import Curve, Estimate
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.intervals import logit_interval
from medtransfer.evaluation.patients import numbered, patient_count

MOST_POINTS: Final = 400
"""Of a curve: what a drawing can show, however many studies there are."""

ENOUGH: Final = 20
"""Studies with and without the finding, from which on intervals were seen to hold the truth in 92 % of cohorts or more
(`benchmarks/coverage.py`); with 10 it may be 90 % or 98 %."""


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
    """Placement values by blocks of equal probability, in O(n log n); there must be studies of both classes.

        V10 = (n_below + n_equal/2) / n,   V01 = 1 − (m_below + m_equal/2) / m,   θ = mean V10

    over m positives and n negatives, of which so many have a lower and an equal probability. What is summed are whole
    numbers, so that the order of the studies changes no bit of θ.

    Reference: Sun, Xu 2014 (fast implementation of DeLong's algorithm, there by midranks).
    """
    whole = np.int32 if truth.size < 2**30 else np.int64  # twice a count must fit; the smaller kind halves the memory
    order, ill = None, truth
    if (probability[1:] < probability[:-1]).any():
        order = np.argsort(probability, kind="stable").astype(whole)
        ill, probability = truth[order], probability[order]
    last = np.append(np.flatnonzero(probability[1:] != probability[:-1]), truth.size - 1).astype(whole)
    m_until = np.cumsum(ill, dtype=whole)[last]
    n_until = last + whole(1) - m_until
    m_equal, n_equal = np.diff(m_until, prepend=whole(0)), np.diff(n_until, prepend=whole(0))
    m, n = int(m_until[-1]), int(n_until[-1])
    twice_below = 2 * n_until - n_equal
    auroc = int(np.multiply(twice_below, m_equal, dtype=np.int64).sum()) / (2 * m * n)
    positive = np.repeat(twice_below / (2 * n), m_equal)
    negative = np.repeat(1 - (2 * m_until - m_equal) / (2 * m), n_equal)
    if order is None:
        return Placements(auroc=auroc, positive=positive, negative=negative)
    found = np.empty(truth.size)
    found[order[ill]], found[order[~ill]] = positive, negative
    return Placements(auroc=auroc, positive=found[truth], negative=found[~truth])


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


class ClusteredVariance(NamedTuple):
    """Of AUROC, and the degrees of freedom that it was estimated with."""

    variance: float
    degrees: float


def clustered_variance(truth: Truths, probability: Probabilities, groups: Groups) -> float:
    """Variance of AUROC when a patient may have several studies, of one class or of both (`between_patients`)."""
    return between_patients(truth, probability, groups).variance


def between_patients(truth: Truths, probability: Probabilities, groups: Groups) -> ClusteredVariance:
    """Variance of AUROC when a patient may have several studies, and its degrees of freedom.

        S10/m + S01/n + 2·S11/(m·n)
        S10 = I10/((I10−1)·m) · Σᵢ a²,   S01 = I01/((I01−1)·n) · Σᵢ b²,   S11 = I/(I−1) · Σᵢ a·b
        a = V10ᵢ· − mᵢ·θ,   b = V01ᵢ· − nᵢ·θ
        degrees = Var² / ( (S10/m)²/(I10−1) + (S01/n)²/(I01−1) )

    over patients i, with mᵢ positive and nᵢ negative studies and placement values summed within the
    patient; I10, I01 and I count the patients with a positive, with a negative, with any study.
    With one study per patient the variance equals DeLong's exactly: I10 = m, I01 = n, and S11 = 0 as no
    patient has both. NaN with fewer than two patients of either class.

    Reference: Obuchowski 1997 (nonparametric analysis of clustered ROC curve data); Satterthwaite 1946 (an approximate
    distribution of estimates of variance components).
    """
    return _between(placements(truth, probability), truth, groups)


def _between(v: Placements, truth: Truths, groups: Groups) -> ClusteredVariance:
    position, count = numbered(groups)
    ill, well = position[truth], position[~truth]
    with_positive, with_negative = (int(np.count_nonzero(np.bincount(who))) for who in (ill, well))
    if min(with_positive, with_negative) < 2:
        return ClusteredVariance(float("nan"), float("nan"))
    a = np.bincount(ill, weights=v.positive - v.auroc, minlength=count)
    b = np.bincount(well, weights=v.negative - v.auroc, minlength=count)
    m, n = v.positive.size, v.negative.size
    s10 = with_positive / ((with_positive - 1) * m) * np.sum(a * a)
    s01 = with_negative / ((with_negative - 1) * n) * np.sum(b * b)
    s11 = count / (count - 1) * np.sum(a * b)
    variance = max(0.0, float(s10 / m + s01 / n + 2 * s11 / (m * n)))
    spread = float((s10 / m) ** 2 / (with_positive - 1) + (s01 / n) ** 2 / (with_negative - 1))
    return ClusteredVariance(variance, max(1.0, variance**2 / spread) if spread > 0 else float("inf"))


def auroc_estimate(
    truth: Truths,
    probability: Probabilities,
    groups: Groups,
    *,
    level: float = 0.95,
    of: str | None = None,
) -> Estimate:
    """AUROC with its interval on the logit scale: DeLong's, or Obuchowski's where patients repeat.

    Where they repeat, Student's quantile takes the place of the normal one, since the variance is estimated from few
    patients (`benchmarks/coverage.py`: from 20 events on, cells below 92 % rise by 2 to 3 points). Where they do not,
    the interval is DeLong's own.
    """
    clustered = patient_count(groups) < groups.size
    method = "Obuchowski (clustered), logit scale, t quantile" if clustered else "DeLong, logit scale"
    n = int(truth.size)
    if truth.all() or not truth.any():
        note = "only one class among the studies"
        return Estimate(name="AUROC", value=None, level=level, method=method, n=n, of=of, note=note)
    v = placements(truth, probability)
    value = v.auroc
    variance, degrees = _between(v, truth, groups)
    pairs = _independent_pairs(truth, groups)
    degrees = degrees if clustered else float("inf")
    interval = logit_interval(value, variance**0.5, level, trials=pairs, degrees=degrees)
    if interval is None:
        note = "no interval: too few patients of one class, or no variation"
        return Estimate(name="AUROC", value=value, level=level, method=method, n=n, of=of, note=note)
    if value in {0.0, 1.0}:
        method = f"exact, {pairs} independent pairs"
    found = Estimate(
        name="AUROC", value=value, low=interval.low, high=interval.high, level=level, method=method, n=n, of=of
    )
    return flagged(found, truth)


def flagged(estimate: Estimate, truth: Truths) -> Estimate:
    """With a warning where studies are so few that the level of the interval is no longer what it says."""
    events = int(truth.sum())
    if estimate.low is None or min(events, truth.size - events) >= ENOUGH:
        return estimate
    note = f"fewer than {ENOUGH} studies of one kind: the interval may hold the truth less often than it says"
    return estimate.model_copy(update={"note": "; ".join(filter(None, [estimate.note, note]))})


def roc_curve(truth: Truths, probability: Probabilities) -> Curve:
    """False-positive rate (x) against sensitivity (y) from (0, 0) to (1, 1), corners only, `MOST_POINTS` at most.

    A point is left out where it lies on the straight line between its neighbours.
    """
    true_positive, false_positive = _counts(truth, probability)
    tp, fp = np.concatenate([[0], true_positive]), np.concatenate([[0], false_positive])
    corner = np.ones(tp.size, dtype=bool)
    corner[1:-1] = np.diff(tp)[:-1] * np.diff(fp)[1:] != np.diff(tp)[1:] * np.diff(fp)[:-1]
    x, y = fp[corner] / fp[-1], tp[corner] / tp[-1]
    some = spread(x + y)
    return Curve(x=tuple(x[some].tolist()), y=tuple(y[some].tolist()))


def precision_recall_curve(truth: Truths, probability: Probabilities) -> Curve:
    """Recall (x) against precision (y) where a recall is first reached, the highest probability first.

    To be drawn as steps to the left: average precision is the area under them, but for the thinning to `MOST_POINTS`.
    No point at recall 0 is made up.
    """
    tp, fp = _counts(truth, probability)
    reached = np.diff(tp, prepend=0) > 0
    x, y = tp[reached] / tp[-1], tp[reached] / (tp + fp)[reached]
    some = spread(x + (tp + fp)[reached] / truth.size)
    return Curve(x=tuple(x[some].tolist()), y=tuple(y[some].tolist()))


def spread(way: Float64[np.ndarray, " point"]) -> Int64[np.ndarray, " some"]:
    """Which points of a curve to keep, evenly along `way`, which ascends; the first and the last are among them."""
    if way.size <= MOST_POINTS:
        return np.arange(way.size)
    return np.unique(np.searchsorted(way, np.linspace(way[0], way[-1], MOST_POINTS)))


def _counts(truth: Truths, probability: Probabilities) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives when called positive from each distinct probability on, highest first."""
    order = np.argsort(-probability, kind="stable")
    last_of_tie = np.append(np.diff(probability[order]) != 0, True)
    true_positive = np.cumsum(truth[order])[last_of_tie]
    return true_positive, np.flatnonzero(last_of_tie) + 1 - true_positive


def _independent_pairs(truth: Truths, groups: Groups) -> int:
    """The most pairs (positive, negative) of two patients in which no patient occurs twice."""
    positives, negatives = patient_count(groups[truth]), patient_count(groups[~truth])
    return min(positives, negatives, patient_count(groups) // 2)
