"""A figure of several models at once, under many sets of case weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64

from medtransfer.core.evaluated.comparison import Better
from medtransfer.core.types import ClassIndices
from medtransfer.evaluation.resampling import ReplicateWeights, Statistic

ModelValues = Float64[np.ndarray, " model"]
"""One figure of each model."""

ModelReplicates = Float64[np.ndarray, "replicate model"]
"""The same on bootstrap replicates."""

ONE_CLASS: Final = "only one class among the studies"

_PRINTED: Final = {
    "auroc": "AUROC",
    "macro_auroc": "macro AUROC",
    "brier": "Brier score",
    "log_loss": "log-loss",
    "quadratic_kappa": "quadratic-weighted kappa",
}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One figure, of every model.

    Attributes:
        metric: Its key: `auroc`.
        better: Whether more or less of it is better.
        statistic: `replicate case` weights → `replicate model`.
        strata: Patients are drawn within these; None where the figure depends on how frequent the classes are, which
            a bootstrap must let vary.
        otherwise: Why it cannot be estimated, should that be so.
        n: Studies that it is made of; None for all.
    """

    metric: str
    better: Better
    statistic: Statistic
    strata: ClassIndices | None = None
    otherwise: str = ONE_CLASS
    n: int | None = None

    @property
    def name(self) -> str:
        """As evaluations print it."""
        return printed(self.metric)


def printed(metric: str) -> str:
    """`log_loss` → `log-loss`; a user's `module:function` is the function's name."""
    return _PRINTED.get(metric) or metric.rpartition(":")[2].replace("_", " ")


def side_by_side(statistics: list[Statistic]) -> Statistic:
    """One statistic a model, as the columns of one."""

    def columns(weights: ReplicateWeights) -> ModelReplicates:
        return np.stack([statistic(weights) for statistic in statistics], axis=1)

    return columns
