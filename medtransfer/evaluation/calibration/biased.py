"""Figures that are distances: never negative, so that chance can only add to them."""

from __future__ import annotations

from typing import Final

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.evaluation.percentile import MOST_UNDEFINED, percentile_estimate
from medtransfer.evaluation.resampling import ReplicateValues

BIASED: Final = "a distance, which chance can only raise: the bootstrap lies higher still, and need not contain it"


def biased_estimate(
    name: str, value: float, drawn: ReplicateValues, *, n: int, level: float = 0.95, note: str = ""
) -> Estimate:
    """The figure with its percentile interval as it is, not widened, and a note that says that it lies too high.

    Args:
        name: Of the estimate.
        value: Of the data.
        drawn: On each replicate; NaN where there is none.
        n: Studies.
        level: Coverage aimed at.
        note: What else there is to say.
    """
    note = "; ".join(filter(None, [BIASED, note]))
    made = percentile_estimate(name, value, drawn, n=n, level=level, note=note)
    if made.low is None or np.isfinite(drawn).mean() < 1 - MOST_UNDEFINED:
        return made
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return made.model_copy(update={"low": float(low), "high": float(high)})
