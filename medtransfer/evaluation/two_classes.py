"""Overall figures for a positive class against the rest, AUROC first."""

from __future__ import annotations

from functools import partial

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.evaluation.bootstrapped import bootstrapped
from medtransfer.evaluation.calibration import calibration_in_the_large
from medtransfer.evaluation.intervals import class_strata, weighted_mean
from medtransfer.evaluation.metrics import average_precision, brier, log_loss
from medtransfer.evaluation.operating_points import proportion
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.roc import auroc_estimate


def two_class_estimates(view: Positive, *, seed: int, replicates: int) -> tuple[Estimate, ...]:
    """AUROC, average precision, prevalence, Brier score, log-loss, calibration-in-the-large."""
    truth, probability, groups = view.truth, view.probability, view.groups
    resampled = partial(bootstrapped, groups=groups, seed=seed, replicates=replicates)
    return (
        auroc_estimate(truth, probability, groups),
        _average_precision(view, seed=seed, replicates=replicates),
        proportion("prevalence", truth, groups),
        resampled("Brier score", weighted_mean(brier.losses(truth, probability))),
        resampled("log-loss", weighted_mean(log_loss.losses(truth, probability))),
        calibration_in_the_large(truth, probability, groups, seed=seed, replicates=replicates),
    )


def _average_precision(view: Positive, *, seed: int, replicates: int) -> Estimate:
    """Stratified, so that every replicate has both classes; two patients of each are the least for that."""
    truth, probability, groups = view.truth, view.probability, view.groups
    name, n, method = "average precision", int(truth.size), "patient bootstrap, stratified"
    if truth.all() or not truth.any():
        note = "only one class among the studies"
        return Estimate(name=name, value=None, method=method, n=n, note=note)
    if min(np.unique(groups[truth]).size, np.unique(groups[~truth]).size) < 2:
        note = "no interval: too few patients of one class"
        value = average_precision.measure(truth, probability)
        return Estimate(name=name, value=value, method=method, n=n, note=note)
    return bootstrapped(
        name,
        partial(average_precision.weighted, truth, probability),
        groups,
        seed=seed,
        replicates=replicates,
        strata=class_strata(truth.astype(np.int64), groups),
    )
