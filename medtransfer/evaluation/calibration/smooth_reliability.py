"""The smooth reliability curve with its band, and the distances from it with their intervals."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
from jaxtyping import Float64

from medtransfer.core.evaluated.calibration import SmoothReliability
from medtransfer.core.evaluated.curves import BandedCurve
from medtransfer.core.results import Estimate
from medtransfer.core.types import Probabilities
from medtransfer.evaluation.calibration.biased import biased_estimate
from medtransfer.evaluation.calibration.cells import Cells, Counts
from medtransfer.evaluation.calibration.log_odds import log_odds
from medtransfer.evaluation.calibration.replicates import Curves, smooth_replicates
from medtransfer.evaluation.calibration.smooth import SmoothCurve, spline_design
from medtransfer.evaluation.positive import Positive

CurvePoints = Float64[np.ndarray, " point"]

_POINTS: Final = 61
"""Of the curve, evenly over the range of the probabilities; and as many at their quantiles."""


def smooth_reliability(
    view: Positive, smooth: SmoothCurve | str, cells: Cells, counts: Counts, *, level: float
) -> SmoothReliability:
    """ICI, E50, E90 and the curve, or why there is none.

    Args:
        view: The studies.
        smooth: Their curve, or why there is none.
        cells: Of the view.
        counts: Of the cells, one row a replicate.
        level: Coverage aimed at.
    """
    n = int(view.truth.size)
    if isinstance(smooth, str):

        def missing(name: str) -> Estimate:
            method = "restricted cubic splines of the log-odds"
            return Estimate(name=name, value=None, level=level, method=method, n=n, note=smooth)

        return SmoothReliability(ici=missing("ICI"), e50=missing("E50"), e90=missing("E90"))
    at = _points(view.probability)
    drawn = smooth_replicates(view, smooth, spline_design(log_odds(at).values, smooth.knots), cells, counts)
    distance = np.abs(view.probability - smooth.fit.fitted)
    e50, e90 = np.quantile(distance, (0.5, 0.9)).tolist()
    figure = partial(biased_estimate, n=n, level=level, note=log_odds(view.probability).note)
    return SmoothReliability(
        ici=figure("ICI", float(distance.mean()), drawn.mean),
        e50=figure("E50", e50, drawn.median),
        e90=figure("E90", e90, drawn.ninth_decile),
        curve=_banded(at, smooth.at(at), drawn.curve, level),
        knots=int(smooth.knots.size),
    )


def _banded(x: CurvePoints, y: CurvePoints, drawn: Curves, level: float) -> BandedCurve:
    """With its band, where patients differ."""
    if not np.isfinite(drawn).all() or np.ptp(drawn, axis=0).max() <= 1e-12:
        return BandedCurve(x=tuple(x.tolist()), y=tuple(y.tolist()), level=level)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return BandedCurve(
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        low=tuple(np.minimum(low, y).tolist()),
        high=tuple(np.maximum(high, y).tolist()),
        level=level,
        method=f"patient bootstrap, pointwise, one Newton step, {len(drawn)} replicates",
    )


def _points(probability: Probabilities) -> CurvePoints:
    even = np.linspace(probability[0], probability[-1], _POINTS)
    return np.unique(np.concatenate([even, np.quantile(probability, np.linspace(0, 1, _POINTS))]))
