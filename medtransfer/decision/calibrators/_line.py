"""Logistic regression whose slopes may not fall below 0."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.special import logit, xlog1py, xlogy

from medtransfer.core.errors import PredictionsError
from medtransfer.core.types import CaseWeights
from medtransfer.decision.calibrators._scores import ScoreValues
from medtransfer.evaluation.calibration.logistic import LogisticFit, fit_logistic

_NOTHING = 1e-9
"""Range of a column that says nothing."""


def rising_line(columns: ScoreValues, targets: CaseWeights, *, name: str) -> tuple[tuple[float, ...], float]:
    """Slopes, 0 or more, and intercept of the largest likelihood.

    The likelihood is concave, so the best point under the bounds is the best among the sets of columns whose own best
    slopes are above 0; with none of them, the line is flat.

    Raises:
        PredictionsError: `Separated`: the likelihood has no maximum.
    """
    centre, scale = columns.mean(axis=0), np.ptp(columns, axis=0)
    varying = [k for k in range(columns.shape[1]) if scale[k] > _NOTHING]
    sets = [list(chosen) for size in range(len(varying), 0, -1) for chosen in combinations(varying, size)]
    fits = [(chosen, _fit((columns[:, chosen] - centre[chosen]) / scale[chosen], targets)) for chosen in sets]
    if sets and all(fit is None for _, fit in fits):
        raise PredictionsError(
            f"{name} has no best curve: a threshold separates the calibration studies of both classes",
            code="Separated",
            hint="Leave smooth = true, or give more calibration studies.",
        )
    rising = [(chosen, fit) for chosen, fit in fits if fit is not None and (fit.coefficients[1:] > 0).all()]
    if not rising:
        return (0.0,) * columns.shape[1], float(logit(targets.mean()))
    chosen, best = max(rising, key=lambda pair: _likelihood(pair[1], targets))
    slopes = np.zeros(columns.shape[1])
    slopes[chosen] = best.coefficients[1:] / scale[chosen]
    return tuple(slopes.tolist()), float(best.coefficients[0] - slopes @ centre)


def _fit(columns: ScoreValues, targets: CaseWeights) -> LogisticFit | None:
    return fit_logistic(np.hstack([np.ones((len(columns), 1)), columns]), targets)


def _likelihood(fit: LogisticFit, targets: CaseWeights) -> float:
    return float((xlogy(targets, fit.fitted) + xlog1py(1 - targets, -fit.fitted)).sum())
