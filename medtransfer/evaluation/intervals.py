"""Intervals: Wilson, logit scale, and the percentile bootstrap over patients.

An interval always contains its estimate, lies within the range of its figure, and takes the patient,
never the study, as the independent unit.
"""

from __future__ import annotations

from math import exp, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from medtransfer.core.errors import ConfigError
from medtransfer.core.types import ClassIndices, Groups
from medtransfer.evaluation.percentile import percentile_estimate
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic, resampled


class Interval(NamedTuple):
    """Lower and upper end."""

    low: float
    high: float


def normal_quantile(level: float) -> float:
    """Two-sided standard normal quantile: 1.96 for `level` .95."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(successes: float | int, n: float | int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion p = x/n.

        (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)

    `n` may be fractional: an effective sample size (`operating_points.proportion`).

    Reference: Wilson 1927; Brown, Cai, DasGupta 2001.

    Raises:
        ConfigError: n is not positive, or the successes lie outside [0, n].
    """
    if not (n > 0 and 0 <= successes <= n):
        msg = f"{successes} successes of {n} is no proportion"
        raise ConfigError(msg, code="NoProportion", hint="Give 0 ≤ successes ≤ n and n > 0.")
    z = normal_quantile(level)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At x = 0 and x = n one end is exactly 0 or 1; rounding must not push the estimate out.
    return Interval(max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half)))


def student_quantile(level: float, degrees: float) -> float:
    """Two-sided quantile of Student's t; the normal one for infinitely many degrees of freedom."""
    return float(stdtrit(degrees, 0.5 + level / 2)) if degrees < float("inf") else normal_quantile(level)


def logit_interval(
    value: float, standard_error: float, level: float = 0.95, *, trials: int, degrees: float = float("inf")
) -> Interval | None:
    """Interval of a figure in [0, 1] by the delta method on the logit scale.

        logit(v) ± t · SE / (v·(1−v)),  back-transformed

    with t Student's quantile for the degrees of freedom of the standard error, z where they are infinite.

    At v = 0 or 1 the standard error is 0 and says nothing. There the interval is Clopper and
    Pearson's for `trials` successes of `trials`: [(α/2)^(1/trials), 1], α = 1 − level. For AUROC, `trials` is
    the number of pairs (positive, negative) that share no patient: such pairs are independent, each
    in the right order with probability AUROC, and all of them are.

    Returns:
        None where there is no interval: the standard error is 0 or not finite although v is neither 0 nor 1,
        or v is 0 or 1 and there is no trial.

    Reference: Pepe 2003 (logit interval of AUROC); Clopper, Pearson 1934.
    """
    if value in {0.0, 1.0}:
        if trials < 1:
            return None
        bound = exp(log((1 - level) / 2) / trials)
        return Interval(bound, 1.0) if value == 1.0 else Interval(0.0, 1 - bound)
    if not 0 < standard_error < float("inf"):
        return None
    centre = log(value / (1 - value))
    half = student_quantile(level, degrees) * standard_error / (value * (1 - value))
    return Interval(min(value, _expit(centre - half)), max(value, _expit(centre + half)))


def patient_bootstrap(
    statistic: Statistic,
    groups: Groups,
    *,
    seed: int,
    replicates: int = 2000,
    level: float = 0.95,
    strata: ClassIndices | None = None,
) -> Interval | None:
    """Percentile interval of a statistic when whole patients are drawn again with replacement.

    With `strata` (`class_strata`) patients are drawn within their stratum: no replicate can then lack a class. The
    interval is widened to contain the statistic of the data itself where the bootstrap's bias leaves it outside.

    Args:
        statistic: `replicate case` weights → value per replicate.
        groups: The patient of each case.
        seed: Of the generator; equal seeds give equal intervals.
        replicates: How many; 2,000 or more for an interval that will be quoted.
        level: Coverage aimed at.
        strata: The stratum of each case, constant within a patient; None for one stratum.

    Returns:
        None where the data allow none: one patient, too many replicates without a value, or the same value on all of
        them (`percentile.percentile_estimate`).

    Raises:
        ConfigError: Too few replicates.

    Reference: Efron, Tibshirani 1993, ch. 13; for clustered data Field, Welsh 2007 (cluster bootstrap).
    """
    value = float(statistic(np.ones((1, groups.size)))[0])
    drawn = resampled({"": statistic}, groups, seed=seed, replicates=replicates, strata=strata)[""]
    found = percentile_estimate("", value, drawn, n=groups.size, level=level)
    return None if found.low is None or found.high is None else Interval(found.low, found.high)


def class_strata(truth: ClassIndices, groups: Groups) -> ClassIndices:
    """Stratum of each case: which classes its patient has (only normal, only pneumonia, both, …)."""
    patients, position = np.unique(groups, return_inverse=True)
    found = np.zeros(patients.size, dtype=np.int64)
    for one in range(int(truth.max(initial=0)) + 1):
        has = np.zeros(patients.size, dtype=bool)
        has[position[truth == one]] = True
        found = np.unique(2 * found + has, return_inverse=True)[1]
    return found[position].astype(np.int64)


def weighted_mean(values: Float64[np.ndarray, " case"]) -> Statistic:
    """The statistic Σ w·v / Σ w, such as Brier score or log-loss from the losses of the cases."""

    def statistic(weights: ReplicateWeights) -> ReplicateValues:
        return (weights @ values) / weights.sum(axis=1)

    return statistic


def _expit(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))
