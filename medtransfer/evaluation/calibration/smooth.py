"""A smooth reliability curve, and how far the probabilities lie from it.

    c(p) = σ(θ₀ + θ₁·x + Σ_j θ_j·s_j(x)),   x = logit p

s_j are Harrell's restricted cubic splines: cubic between the knots, straight outside, so that the tails, where few
studies are, cannot swing. Knots stand at fixed quantiles of x: five with at least 100 studies of the rarer class, four
with 50, otherwise three; fewer, down to a straight line, where x has so few values that no curve would fit best. With
fewer than 10 studies of either class there is no curve.

    ICI = mean |p − c(p)|,   E50 and E90 = its median and 90 % quantile

all in units of probability. A curve that is free to bend finds some distance from the best of models too, the more so
the fewer the studies.

Reference: Harrell 2015, Regression Modeling Strategies, 2.4.5 (splines and where knots stand); Austin, Steyerberg 2019
(ICI, E50, E90; there with loess).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import expit

from medtransfer.core.types import CaseWeights, Probabilities, Truths
from medtransfer.evaluation.calibration.log_odds import log_odds
from medtransfer.evaluation.calibration.logistic import Coefficients, Design, LogisticFit, fit_logistic

FEWEST = 10
"""Studies of either class."""

Knots = Float64[np.ndarray, " knot"]

_QUANTILES = {2: (), 3: (0.1, 0.5, 0.9), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}


@dataclass(frozen=True, kw_only=True)
class SmoothCurve:
    """c, and the design that it was fitted to."""

    knots: Knots
    fit: LogisticFit
    design: Design

    def at(self, probability: Probabilities) -> Probabilities:
        """c(p)."""
        return curve_values(spline_design(log_odds(probability).values, self.knots), self.fit.coefficients)


def smooth_curve(truth: Truths, probability: Probabilities) -> SmoothCurve | str:
    """The curve, or why there is none.

    Args:
        truth: True where the study has the finding.
        probability: Of the finding.
    """
    rarer = int(min(truth.sum(), (~truth).sum()))
    if rarer < FEWEST:
        return f"fewer than {FEWEST} studies with the finding, or without it"
    x = log_odds(probability).values
    if (x == x[0]).all():
        return "all probabilities are equal"
    for count in range(5 if rarer >= 100 else 4 if rarer >= 50 else 3, 1, -1):
        knots = place_knots(x, count)
        if np.unique(knots).size == knots.size:
            design = spline_design(x, knots)
            fit = fit_logistic(design, truth.astype(np.float64))
            if fit is not None:
                return SmoothCurve(knots=knots, fit=fit, design=design)
    return "no curve fits best: the classes are separated"


def place_knots(x: CaseWeights, count: int) -> Knots:
    """Harrell's quantiles of x; none of two, which is a straight line."""
    return np.quantile(x, _QUANTILES[count])


def spline_design(x: CaseWeights, knots: Knots) -> Design:
    """Columns 1, x and, of k knots t, the k − 2 restricted cubic splines.

    s_j = [(x − t_j)₊³ − (x − t_{k−1})₊³·(t_k − t_j)/(t_k − t_{k−1}) + (x − t_k)₊³·(t_{k−1} − t_j)/(t_k − t_{k−1})]
          / (t_k − t_1)²
    """
    columns = [np.ones_like(x), x]
    if knots.size:
        last, before = knots[-1], knots[-2]
        ends = [np.maximum(x - knot, 0) ** 3 for knot in (before, last)]
        for knot in knots[:-2]:
            bend = np.maximum(x - knot, 0) ** 3
            bend += (ends[1] * (before - knot) - ends[0] * (last - knot)) / (last - before)
            columns.append(bend / (last - knots[0]) ** 2)
    return np.column_stack(columns)


def curve_values(design: Design, coefficients: Coefficients) -> Probabilities:
    """σ of the linear predictor."""
    return expit(design @ coefficients)
