"""What the replicates of a bootstrap say of one figure."""

from __future__ import annotations

from typing import Final

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.evaluation.resampling import ReplicateValues

MOST_UNDEFINED: Final = 0.01
"""Share of replicates in which a figure may have no value, such as those that drew no positive study."""


def percentile_estimate(
    name: str, value: float, drawn: ReplicateValues, *, n: int, level: float = 0.95, note: str = "", otherwise: str = ""
) -> Estimate:
    """The figure with its percentile interval, widened to contain the figure itself.

    There is no interval, and a note says so, where more than 1 % of the replicates have no value, and where all have
    the same one: the bootstrap knows nothing that did not occur, so that a test without an error would seem certain.

    Args:
        name: Of the estimate.
        value: Of the data; NaN where there is none.
        drawn: On each replicate; NaN where there is none.
        n: Studies.
        level: Coverage aimed at.
        note: What else there is to say.
        otherwise: Why there is no value, should it be NaN.
    """
    method = f"patient bootstrap, {drawn.size} replicates"
    if not np.isfinite(value):
        return Estimate(name=name, value=None, level=level, method=method, n=n, note=otherwise)
    defined = drawn[np.isfinite(drawn)]
    missing = drawn.size - defined.size
    if missing > MOST_UNDEFINED * drawn.size:
        why = f"no interval: without a value in {missing} of {drawn.size} replicates"
    elif defined.max() - defined.min() <= 1e-12:
        why = "no interval: the same on every replicate"
    else:
        low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
        low, high = min(value, float(low)), max(value, float(high))
        return Estimate(name=name, value=value, low=low, high=high, level=level, method=method, n=n, note=note)
    note = "; ".join(filter(None, [note, why]))
    return Estimate(name=name, value=value, level=level, method=method, n=n, note=note)
