"""Choose an operating point, on validation data, by a rule that was stated beforehand.

A study is called positive at p ≥ threshold. Between two neighbouring observed probabilities every
threshold calls the same studies, so only one of them is a candidate: **the midpoint**, which no
tiny numerical change (another device, another precision) can carry across an observed probability.
The outermost candidates lie half-way to 0, where every study is called positive, and half-way to 1,
where none is (the next float above 1 where the largest probability is 1).
"""

from __future__ import annotations

from math import inf, nextafter
from typing import Literal

import numpy as np
from jaxtyping import Float64

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import OperatingPoint
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.operating_points import at_threshold

Rule = Literal["sensitivity", "specificity", "youden", "cost"]

Candidates = Float64[np.ndarray, " candidate"]


def choose(
    truth: Truths,
    probability: Probabilities,
    *,
    rule: Rule,
    goal: float | int | None,
    positive: str,
    chosen_on: str,
    groups: Groups | None = None,
) -> OperatingPoint:
    """The operating point that a rule picks among the candidate thresholds.

    - `sensitivity`: the highest threshold with TP/(TP+FN) ≥ goal.
    - `specificity`: the lowest threshold with TN/(TN+FP) ≥ goal.
    - `youden`: maximises sensitivity + specificity − 1; of equals the lowest threshold.
    - `cost`: minimises FP + goal·FN, goal being the cost of a false negative in false positives; of
      equals the lowest threshold.

    Ties thus go to the threshold that misses fewer. Both goals of a rate can always be met, if need be by
    calling every study positive, or none.

    Args:
        truth: True where the study has the positive class.
        probability: Of the positive class.
        rule: See above.
        goal: A rate in [0, 1], or a cost of 0 or more; None for `youden`.
        positive: Name of the positive class.
        chosen_on: Where the cases come from, such as `validation`.
        groups: The patient of each case, for the intervals; None if every case is its own patient.

    Raises:
        PredictionsError: `OneClass`, or `NotProbabilities`.
        ConfigError: `GoalOutOfRange`: the goal does not suit the rule.

    Reference: Youden 1950; Metz 1978 (cost slope).
    """
    _check_goal(rule, goal)
    _check_cases(truth, probability, positive=positive, chosen_on=chosen_on)
    thresholds = candidates(probability)
    found = _at_or_above(probability[truth], thresholds)
    alarms = _at_or_above(probability[~truth], thresholds)
    m, n = int(truth.sum()), int((~truth).sum())
    wanted = 0.0 if goal is None else goal
    if rule == "sensitivity":
        best = int(np.flatnonzero(found / m >= wanted)[-1])
    elif rule == "specificity":
        best = int(np.flatnonzero((n - alarms) / n >= wanted)[0])
    elif rule == "youden":
        best = int(np.argmax(found * n - alarms * m))  # in whole numbers, so that ties are ties
    else:
        best = int(np.argmin(alarms + wanted * (m - found)))
    own = np.arange(truth.size) if groups is None else groups
    sensitivity, specificity, *_ = at_threshold(truth, probability, float(thresholds[best]), own)
    return OperatingPoint(
        rule=rule,
        goal=goal,
        threshold=float(thresholds[best]),
        positive=positive,
        chosen_on=chosen_on,
        sensitivity=sensitivity,
        specificity=specificity,
    )


def candidates(probability: Probabilities) -> Candidates:
    """One threshold for every way of splitting the studies, ascending, the first calling all positive.

    Where two neighbours are so close that their midpoint rounds to the lower one, the upper one is taken.
    """
    observed = np.unique(probability)
    lower = np.concatenate([[0.0], observed])
    upper = np.concatenate([observed, [1.0 if observed[-1] < 1 else nextafter(1.0, inf)]])
    middle = lower + (upper - lower) / 2
    return np.where(middle > lower, middle, upper)


def _at_or_above(values: Probabilities, thresholds: Candidates) -> np.ndarray:
    """How many values each threshold calls positive."""
    return values.size - np.searchsorted(np.sort(values), thresholds, side="left")


def _check_goal(rule: Rule, goal: float | int | None) -> None:
    if rule == "youden":
        suits, wanted = goal is None, "no goal"
    elif rule == "cost":
        suits = goal is not None and 0 <= goal < inf
        wanted = "the cost of a false negative, counted in false positives: finite, 0 or more"
    else:
        suits, wanted = goal is not None and 0 <= goal <= 1, "a rate in [0, 1]"
    if not suits:
        raise ConfigError(
            f"the rule {rule!r} cannot use the goal {goal!r}",
            code="GoalOutOfRange",
            hint=f"Give {wanted}.",
        )


def _check_cases(truth: Truths, probability: Probabilities, *, positive: str, chosen_on: str) -> None:
    if truth.all() or not truth.any():
        count = int(truth.sum())
        raise PredictionsError(
            f"{count} of {truth.size} studies in {chosen_on} are {positive!r}: no threshold can be chosen",
            code="OneClass",
            hint="Choose it on data that has studies with and without the finding.",
        )
    outside = ~((probability >= 0) & (probability <= 1))
    if outside.any():
        raise PredictionsError(
            f"{int(outside.sum())} probabilities lie outside [0, 1], such as {probability[outside][0]!r}",
            code="NotProbabilities",
            hint="Apply a softmax or sigmoid first: thresholds are probabilities.",
        )
