"""Studies put together by their probability: observed frequency in each bin, and the calibration error over bins.

    e_b  = mean of y − mean of p in bin b,   n_b its studies
    ECE  = Σ_b n_b/n · |e_b|,   root mean square = √(Σ_b n_b/n · e_b²),   maximum = max_b |e_b|

Bins are of equal width, [0, 1/B), …, [1 − 1/B, 1], or hold about equal numbers: cut at the quantiles of the
probabilities, equal probabilities never separated. A probability of 1 is in the last bin.

Each of the three grows with chance differences in small bins, and so is above 0 for the best of models.

Reference: Naeini, Cooper, Hauskrecht 2015 (ECE, maximum); Kumar, Liang, Ma 2019 (root mean square).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float64, Int

from medtransfer.core.results import CalibrationBin
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.proportions import proportion

Scheme = Literal["equal width", "equal count"]

BINS = 10
"""Of either scheme."""

Cuts = Float64[np.ndarray, " cut"]
"""Between bins, ascending; a probability that equals a cut is above it."""

BinOfCase = Int[np.ndarray, " case"]

ByBin = Float64[np.ndarray, "replicate bin"]

ThreeErrors = Float64[np.ndarray, "replicate 3"]
"""ECE, root mean square, maximum."""


def cuts(probability: Probabilities, scheme: Scheme, *, bins: int = BINS) -> Cuts:
    """Where the bins meet; fewer than `bins` − 1 where values repeat."""
    if scheme == "equal width":
        return np.linspace(0, 1, bins + 1)[1:-1]
    ascending = np.sort(probability)
    first = np.searchsorted(ascending, np.quantile(ascending, np.linspace(0, 1, bins + 1)[1:-1]), side="left")
    return np.unique(ascending[first[first > 0]])  # below a cut at the smallest of them there is nothing


def bin_of(probability: Probabilities, at: Cuts) -> BinOfCase:
    """The bin of each study, from 0."""
    return np.searchsorted(at, probability, side="right")


def calibration_bins(
    truth: Truths, probability: Probabilities, groups: Groups, *, bins: int = BINS, level: float = 0.95
) -> tuple[CalibrationBin, ...]:
    """Observed frequency of the positive class in bins of equal count, the lowest probabilities first."""
    if probability.size == 0:
        return ()
    position = bin_of(probability, cuts(probability, "equal count", bins=bins))
    return tuple(
        CalibrationBin(
            n=int(inside.sum()),
            mean_probability=float(probability[inside].mean()),
            observed=proportion("observed frequency", truth[inside], groups[inside], level=level),
        )
        for inside in (position == b for b in np.unique(position))
    )


def calibration_errors(excess: ByBin, studies: ByBin) -> ThreeErrors:
    """The three errors of each replicate, from Σ(y − p) and the number of studies in each bin."""
    everyone = studies.sum(axis=1, keepdims=True)
    share = np.divide(studies, everyone, out=np.full_like(studies, np.nan), where=everyone > 0)
    error = np.abs(np.divide(excess, studies, out=np.zeros_like(excess), where=studies > 0))
    return np.stack([(share * error).sum(axis=1), np.sqrt((share * error**2).sum(axis=1)), error.max(axis=1)], axis=1)
