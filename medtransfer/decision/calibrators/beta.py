"""Beta calibration: a line in log p and log(1 − p), which bends the two ends of the scale differently.

    logit p′ = a·log p − b·log(1 − p) + c,   a, b ≥ 0

With a = b this is Platt scaling. It is the true map where the probabilities of either class follow beta distributions.
a, b and c maximise the likelihood, of smoothed targets unless `smooth` is off. Where the best a or b would be below 0
it is 0, so that the map never falls.

Shapes: odds. Errors: `PredictionsError` (`Separated`) without smoothing where there is no best curve.

Reference: Kull, Silva Filho, Flach 2017, Beta calibration.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from scipy.special import expit

from medtransfer.core.types import ClassIndices
from medtransfer.decision.calibrators._line import rising_line
from medtransfer.decision.calibrators._scores import Fitted, Parameters, Scores, ScoreValues
from medtransfer.decision.calibrators._targets import targets

KINDS = frozenset({"odds"})

Ends = Float64[np.ndarray, "case 2"]


def fit(scores: Scores, truth: ClassIndices, *, smooth: bool = True) -> Fitted:
    """a, b and c.

    Args:
        scores: Of the calibration studies.
        truth: Theirs.
        smooth: Fit to Platt's targets, not to 0 and 1.

    Raises:
        PredictionsError: `Separated`.
    """
    slopes, intercept = rising_line(_ends(scores.values), targets(truth, smooth=smooth), name="beta")
    notes = () if any(slopes) else ("the probabilities do not rise with the finding: all studies get the same one",)
    return Fitted({"a": slopes[:1], "b": slopes[1:], "c": (intercept,)}, notes)


def apply(scores: Scores, parameters: Parameters) -> ScoreValues:
    """p′, `case 1`."""
    slopes = np.array([*parameters["a"], *parameters["b"]])
    return expit(_ends(scores.values) @ slopes[:, None] + np.array(parameters["c"]))


def _ends(values: ScoreValues) -> Ends:
    """Log p and −log(1 − p), from the log-odds, so that neither end loses its digits."""
    return np.hstack([-np.logaddexp(0, -values), np.logaddexp(0, values)])
