"""Do probabilities mean what they say: observed frequency by predicted probability, and on the whole."""

from __future__ import annotations

import numpy as np

from medtransfer.core.results import CalibrationBin, Estimate
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.bootstrapped import bootstrapped
from medtransfer.evaluation.intervals import weighted_mean
from medtransfer.evaluation.operating_points import proportion


def calibration_bins(
    truth: Truths, probability: Probabilities, groups: Groups, *, bins: int = 10, level: float = 0.95
) -> tuple[CalibrationBin, ...]:
    """Observed frequency of the positive class by deciles of its probability, the lowest first.

    Cut at the quantiles of the probabilities; equal probabilities are never separated, so there are
    fewer bins where values repeat. A probability of 1 falls in the last bin.
    """
    if probability.size == 0:
        return ()
    cuts = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    position = np.searchsorted(cuts, probability, side="right")
    return tuple(
        CalibrationBin(
            n=int(inside.sum()),
            mean_probability=float(probability[inside].mean()),
            observed=proportion("observed frequency", truth[inside], groups[inside], level=level),
        )
        for inside in (position == b for b in np.unique(position))
    )


def calibration_in_the_large(
    truth: Truths, probability: Probabilities, groups: Groups, *, seed: int, replicates: int
) -> Estimate:
    """Mean predicted probability − observed frequency; above 0 the probabilities are too high.

    Reference: Van Calster et al. 2019 (mean calibration, or calibration-in-the-large).
    """
    return bootstrapped(
        "calibration-in-the-large",
        weighted_mean(probability - truth),
        groups,
        seed=seed,
        replicates=replicates,
    )
