"""Platt scaling: a straight line on the scale of log-odds.

    logit p′ = a·l + b,   a ≥ 0

a corrects probabilities that are too extreme or too timid, b those that are too high or too low on the whole. Both
maximise the likelihood, of smoothed targets unless `smooth` is off: then the recalibrated probabilities have slope 1
and intercept 0 on the studies that they were fitted to. Where a would be below 0, it is 0 and all get the same
probability: a calibrator never turns the order round.

Shapes: odds. Errors: `PredictionsError` (`Separated`) without smoothing where there is no best line.

Reference: Platt 1999, Probabilistic outputs for support vector machines; unsmoothed: logistic recalibration, Cox 1958.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from medtransfer.core.types import ClassIndices
from medtransfer.decision.calibrators._line import rising_line
from medtransfer.decision.calibrators._scores import Fitted, Parameters, Scores, ScoreValues
from medtransfer.decision.calibrators._targets import targets

KINDS = frozenset({"odds"})


def fit(scores: Scores, truth: ClassIndices, *, smooth: bool = True) -> Fitted:
    """A and b.

    Args:
        scores: Of the calibration studies.
        truth: Theirs.
        smooth: Fit to Platt's targets, not to 0 and 1.

    Raises:
        PredictionsError: `Separated`.
    """
    (slope,), intercept = rising_line(scores.values, targets(truth, smooth=smooth), name="platt")
    notes = () if slope > 0 else ("the probabilities do not rise with the finding: all studies get the same one",)
    return Fitted({"slope": (slope,), "intercept": (intercept,)}, notes)


def apply(scores: Scores, parameters: Parameters) -> ScoreValues:
    """p′, `case 1`."""
    return expit(scores.values * np.array(parameters["slope"]) + np.array(parameters["intercept"]))
