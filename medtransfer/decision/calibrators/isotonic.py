"""Isotonic regression: the rising curve that fits best, whatever its shape.

    p′ = f(l),   f the isotonic regression of the targets on l, straight between the ends of its steps

It needs many studies (a thousand rather than a hundred), or follows their noise. Studies on one step get one
probability, so that some order is lost and the AUROC may change a little. Targets are Platt's unless `smooth` is off:
without them the lowest step promises 0, which no later evidence could ever raise.

Shapes: odds. Errors: none of its own.

Reference: Zadrozny, Elkan 2002, Transforming classifier scores into accurate multiclass probability estimates.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import isotonic_regression

from medtransfer.core.types import ClassIndices
from medtransfer.decision.calibrators._scores import Fitted, Parameters, Scores, ScoreValues
from medtransfer.decision.calibrators._targets import targets

KINDS = frozenset({"odds"})

FEW = 200
"""With fewer studies a note says so."""


def fit(scores: Scores, truth: ClassIndices, *, smooth: bool = True) -> Fitted:
    """Both ends of every step, ascending.

    Args:
        scores: Of the calibration studies.
        truth: Theirs.
        smooth: Fit to Platt's targets, not to 0 and 1.
    """
    at, position = np.unique(scores.values[:, 0], return_inverse=True)
    counts = np.bincount(position).astype(np.float64)
    means = np.bincount(position, weights=targets(truth, smooth=smooth)) / counts
    steps = isotonic_regression(means, weights=counts).x
    end = np.append(np.diff(steps) != 0, True) | np.append(True, np.diff(steps) != 0)
    few = (f"isotonic regression on {truth.size} studies follows their noise",) if truth.size < FEW else ()
    return Fitted({"log_odds": tuple(at[end].tolist()), "probability": tuple(steps[end].tolist())}, few)


def apply(scores: Scores, parameters: Parameters) -> ScoreValues:
    """p′, `case 1`; beyond the calibration studies that of the nearest of them."""
    return np.interp(scores.values, np.array(parameters["log_odds"]), np.array(parameters["probability"]))
