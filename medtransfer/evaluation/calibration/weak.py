"""Weak calibration: are probabilities too high or too low on the whole, and too extreme or too timid?

    calibration-in-the-large   mean p − observed frequency                    0 is right; above, too high
    intercept α                logit P(y = 1) = α + logit p                    0 is right; below, too high
    slope β                    logit P(y = 1) = α′ + β·logit p                 1 is right; below, too extreme

Intervals are Wald's. Where each study has a patient of its own the variance is the model's, A⁻¹; where patients repeat
it is the patients' (`logistic.patient_covariance`), with the t quantile of patients − 1 degrees of freedom.

Reference: Cox 1958; Miller, Hui, Tierney 1991; Van Calster et al. 2019 (calibration: the Achilles heel, levels of
calibration).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import t as student

from medtransfer.core.results import Estimate
from medtransfer.evaluation.calibration.log_odds import log_odds
from medtransfer.evaluation.calibration.logistic import (
    Design,
    LogisticFit,
    Patients,
    Targets,
    fit_logistic,
    patient_covariance,
)
from medtransfer.evaluation.intervals import normal_quantile
from medtransfer.evaluation.positive import Positive

IN_THE_LARGE: Final = "calibration-in-the-large"
INTERCEPT: Final = "calibration intercept"
SLOPE: Final = "calibration slope"


@dataclass(frozen=True, kw_only=True)
class WeakCalibration:
    """The two figures and the regressions behind them, None where there is no maximum."""

    intercept: Estimate
    slope: Estimate
    with_offset: LogisticFit | None
    with_slope: LogisticFit | None


def weak_calibration(view: Positive, *, level: float = 0.95) -> WeakCalibration:
    """Calibration intercept and slope of a finding against the rest.

    Args:
        view: The studies.
        level: Coverage aimed at.
    """
    x = log_odds(view.probability)
    targets = view.truth.astype(np.float64)
    constant = np.ones((x.values.size, 1))
    lines = np.column_stack([constant, x.values])
    who = Patients.of(view.groups)
    why = _no_intercept(view)
    offset_fit = None if why else fit_logistic(constant, targets, offset=x.values)
    why_not_slope = why or _no_slope(view)
    slope_fit = None if why_not_slope else fit_logistic(lines, targets)
    return WeakCalibration(
        intercept=_estimate(INTERCEPT, offset_fit, constant, targets, who, level, (why, x.note)),
        slope=_estimate(SLOPE, slope_fit, lines, targets, who, level, (why_not_slope, x.note)),
        with_offset=offset_fit,
        with_slope=slope_fit,
    )


def _no_intercept(view: Positive) -> str:
    if view.truth.size == 0:
        return "no study"
    return "only one class among the studies" if view.truth.all() or not view.truth.any() else ""


def _no_slope(view: Positive) -> str:
    """Why the likelihood of the slope has no maximum: all probabilities are equal, or one separates the classes."""
    if view.probability[0] == view.probability[-1]:
        return "all probabilities are equal"
    positive, negative = view.probability[view.truth], view.probability[~view.truth]  # ascending, both
    if negative[-1] <= positive[0] or positive[-1] <= negative[0]:
        return "separated: a threshold tells all studies with the finding from those without it"
    return ""


def _estimate(
    name: str,
    fit: LogisticFit | None,
    design: Design,
    targets: Targets,
    who: Patients,
    level: float,
    notes: tuple[str, str],
) -> Estimate:
    n = int(targets.size)
    repeat = who.count < n
    method = "Wald, variance between patients, t quantile" if repeat else "Wald, model-based"
    if fit is None:
        why = notes[0] or "the likelihood has no maximum"
        return Estimate(name=name, value=None, level=level, method=method, n=n, note=why)
    value = float(fit.coefficients[-1])
    variance = patient_covariance(design, targets, fit, who) if repeat else np.linalg.inv(fit.information)
    if variance is None or not 0 < variance[-1, -1] < np.inf:
        note = "; ".join(filter(None, ["no interval: it needs more patients", notes[1]]))
        return Estimate(name=name, value=value, level=level, method=method, n=n, note=note)
    quantile = float(student.ppf(0.5 + level / 2, who.count - 1)) if repeat else normal_quantile(level)
    half = quantile * float(variance[-1, -1]) ** 0.5
    return Estimate(
        name=name, value=value, low=value - half, high=value + half, level=level, method=method, n=n, note=notes[1]
    )
