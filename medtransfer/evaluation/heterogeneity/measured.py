"""Figures of some of the studies, with what a difference to others needs: intervals at any level, and influences.

The influence φᵢ of patient i on a figure is what the patient contributes to its error, so that Σφᵢ² is about its
variance, and Σφᵢψᵢ the covariance with another figure of influences ψ, exactly 0 where no patient has a part in both:

    AUROC θ                    φᵢ = Σ(V10 − θ)/m + Σ(V01 − θ)/n     over the patient's positives and negatives
    a mean or proportion x̄     φᵢ = Σ(x − x̄)/n                      over the patient's studies

Reference: Obuchowski 1997 (AUROC of clustered data); Rao, Scott 1992 (ratio estimator over clusters).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy.stats import t as student

from medtransfer.core.results import Estimate
from medtransfer.core.types import CaseWeights, Groups, Truths
from medtransfer.evaluation.calibration.weak import IN_THE_LARGE
from medtransfer.evaluation.intervals import Interval, logit_interval, normal_quantile, wilson
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.proportions import effective_sample_size, proportion
from medtransfer.evaluation.roc import auroc_estimate, between_patients, placements

FEWEST: Final = 10
"""Patients with the finding, and without it, below which nothing is estimated."""

Influences = Float64[np.ndarray, " patient"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One figure."""

    estimate: Estimate
    interval: Callable[[float], Interval | None]
    """Its interval at a level; None where there is none."""
    variance: float
    """Of the estimate; 0 or NaN where the data say nothing of it."""
    influence: Influences
    """Over all patients, 0 for those who have no part in it."""
    trials: float = 0.0
    """Independent trials that the figure is worth, should it be 0 or 1."""


def too_few(view: Positive) -> str:
    """Why nothing is estimated, or an empty string.

    Patients are counted, for two studies of one patient are no two events.
    """
    for side, words in ((view.truth, "with the finding"), (~view.truth, "without it")):
        patients = patients_of(view.groups[side])
        if patients < FEWEST:
            return f"{patients} {'patient' if patients == 1 else 'patients'} {words}; {FEWEST} or more are needed"
    return ""


def patients_of(groups: Groups) -> int:
    """How many patients have a study, coded from 0 on: a count of codes, ten times as fast as their `np.unique`."""
    return int(np.count_nonzero(np.bincount(groups)))


def measured(view: Positive, *, patients: int, threshold: float | None, level: float) -> tuple[Measured, ...]:
    """AUROC, sensitivity and specificity at the threshold if any, calibration-in-the-large, where not `too_few`.

    Args:
        view: The studies, with patients coded from 0 to `patients` − 1.
        patients: In all.
        threshold: Positive from this probability on.
        level: Of the intervals.
    """
    at = ()
    if threshold is not None:
        called = view.probability >= threshold
        at = (
            _rate("sensitivity", called[view.truth], view.groups[view.truth], patients=patients, level=level),
            _rate("specificity", ~called[~view.truth], view.groups[~view.truth], patients=patients, level=level),
        )
    excess = view.probability - view.truth
    return (
        _auroc(view, patients, level),
        *at,
        _mean(IN_THE_LARGE, excess, view.groups, patients=patients, level=level),
    )


def figure_names(threshold: float | None) -> tuple[str, ...]:
    """Names of what `measured` measures."""
    return ("AUROC", *(() if threshold is None else ("sensitivity", "specificity")), IN_THE_LARGE)


def _auroc(view: Positive, patients: int, level: float) -> Measured:
    truth, groups = view.truth, view.groups
    estimate = auroc_estimate(truth, view.probability, groups, level=level)
    v = placements(truth, view.probability)
    pairs = min(patients_of(groups[truth]), patients_of(groups[~truth]), patients_of(groups) // 2)
    variance, degrees = between_patients(truth, view.probability, groups)
    clustered = patients_of(groups) < groups.size
    influence = _summed((v.positive - v.auroc) / v.positive.size, groups[truth], patients)
    influence += _summed((v.negative - v.auroc) / v.negative.size, groups[~truth], patients)
    return Measured(
        estimate=estimate,
        interval=partial(
            logit_interval,
            min(1.0, v.auroc),
            variance**0.5,
            trials=pairs,
            degrees=degrees if clustered else float("inf"),
        ),
        variance=variance,
        influence=influence,
        trials=float(pairs),
    )


def _rate(name: str, success: Truths, groups: Groups, *, patients: int, level: float) -> Measured:
    value, who = float(success.mean()), patients_of(groups)
    effective = effective_sample_size(success, groups, level=level)
    # Where patients repeat, the size holds Student's quantile over the normal one, which belong to the level.
    clustered = 0 < value < 1 and effective < success.size
    independent = effective / _narrowing(level, who) if clustered else effective

    def interval(level: float) -> Interval:
        n = independent * _narrowing(level, who) if clustered else independent
        return wilson(value * n, n, level)

    return Measured(
        estimate=proportion(name, success, groups, level=level),
        interval=interval,
        variance=value * (1 - value) / independent,
        influence=_summed((success - value) / success.size, groups, patients),
        trials=independent,
    )


def _mean(name: str, values: CaseWeights, groups: Groups, *, patients: int, level: float) -> Measured:
    """A mean with Student's interval, of as many degrees of freedom as there are patients, less one."""
    value = float(values.mean())
    influence = _summed((values - value) / values.size, groups, patients)
    who = patients_of(groups)
    error = (who / (who - 1) * float(np.sum(influence**2))) ** 0.5

    def interval(level: float) -> Interval:
        half = float(student.ppf(0.5 + level / 2, who - 1)) * error
        return Interval(value - half, value + half)

    low, high = interval(level)
    method = "mean over patients' studies, Student's t"
    estimate = Estimate(name=name, value=value, low=low, high=high, level=level, method=method, n=int(values.size))
    return Measured(estimate=estimate, interval=interval, variance=error**2, influence=influence)


def _summed(values: CaseWeights, groups: Groups, patients: int) -> Influences:
    return np.bincount(groups, weights=values, minlength=patients)


def _narrowing(level: float, patients: int) -> float:
    """(z/t)² of `proportions.effective_sample_size`."""
    return (normal_quantile(level) / float(student.ppf(0.5 + level / 2, patients - 1))) ** 2
