"""Temperature: one number makes all probabilities more or less extreme.

    odds      p′ = σ(l / T)
    classes   p′ = softmax(log p / T)           (of a softmax network: softmax of its logits / T)
    cuts      P′(y > k) = σ(l_k / T)

T minimises the log-loss; in 1/T that is convex, so T is the root of its derivative, sought between 1/50 and 50. The
order of studies stays as it was, and so does the likeliest class. Overall shares are not corrected.

Shapes: any kind of scores. Errors: none of its own.

Reference: Guo, Pleiss, Sun, Weinberger 2017, On calibration of modern neural networks, 4.2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, softmax

from medtransfer.core.types import ClassIndices
from medtransfer.decision.calibrators._scores import Fitted, Parameters, Scores, ScoreValues

KINDS = frozenset({"odds", "classes", "cuts"})

_COLDEST, _HOTTEST = 1 / 50, 50.0


def fit(scores: Scores, truth: ClassIndices) -> Fitted:
    """T of the smallest log-loss.

    Args:
        scores: Of the calibration studies.
        truth: Theirs.
    """
    slope = _SLOPES[scores.kind](scores.values, truth)
    if slope(1 / _HOTTEST) >= 0:
        return Fitted({"temperature": (_HOTTEST,)}, ("T is as high as it may be: the probabilities say little",))
    if slope(1 / _COLDEST) <= 0:
        return Fitted({"temperature": (_COLDEST,)}, ("T is as low as it may be: no calibration study is wrong",))
    return Fitted({"temperature": (1 / float(brentq(slope, 1 / _HOTTEST, 1 / _COLDEST, xtol=1e-13, rtol=1e-13)),)})


def apply(scores: Scores, parameters: Parameters) -> ScoreValues:
    """Probabilities of the kind's columns; of cuts P′(y > k)."""
    (temperature,) = parameters["temperature"]
    if scores.kind == "classes":
        return softmax(scores.values / temperature, axis=1)
    return expit(scores.values / temperature)


Slope = Callable[[float], float]
"""Derivative of the log-loss by 1/T."""


def _of_odds(values: ScoreValues, truth: ClassIndices) -> Slope:
    scores = values[:, 0]
    return lambda inverse: float(((expit(inverse * scores) - truth) * scores).mean())


def _of_classes(values: ScoreValues, truth: ClassIndices) -> Slope:
    own = values[np.arange(truth.size), truth]
    return lambda inverse: float(((softmax(inverse * values, axis=1) * values).sum(axis=1) - own).mean())


def _of_cuts(values: ScoreValues, truth: ClassIndices) -> Slope:
    """Log p(y) = log σ(u) + log σ(−v) + log(1 − e^{v − u}), u and v the scaled cuts below and above the class."""
    rows, last = np.arange(truth.size), values.shape[1]
    has_below, has_above = truth > 0, truth < last
    below = values[rows, np.maximum(truth - 1, 0)]
    above = values[rows, np.minimum(truth, last - 1)]
    gap = np.maximum(below - above, np.finfo(np.float64).tiny)[has_below & has_above]

    def slope(inverse: float) -> float:
        gain = np.where(has_below, below * expit(-inverse * below), 0) - np.where(
            has_above, above * expit(inverse * above), 0
        )
        between = gap / np.expm1(np.minimum(inverse * gap, 700))
        return -(float(gain.sum()) + float(between.sum())) / truth.size

    return slope


_SLOPES = {"odds": _of_odds, "classes": _of_classes, "cuts": _of_cuts}
