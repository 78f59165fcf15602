"""Statistics that depend on the case weights through a few sums alone.

    f(w) = g(wᵀ·C),   C with one row a case

so that many of them need one pass over the weights of a bootstrap, however many replicates and cases there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights

Columns = Float64[np.ndarray, "case column"]
Sums = Float64[np.ndarray, "replicate column"]


@dataclass(frozen=True, kw_only=True)
class OfSums:
    """A `Statistic`: `value` of the weighted sums of `columns`."""

    columns: Columns
    value: Callable[[np.ndarray], np.ndarray]

    def __call__(self, weights: ReplicateWeights) -> ReplicateValues:
        """One value for each replicate."""
        return self.value(weights @ self.columns)


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`above / below`, NaN where that is 0."""
    below = np.broadcast_to(below, above.shape)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 1e-12)
