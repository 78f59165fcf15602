"""Overall figures for several classes on an equal footing: macro AUROC first, then one AUROC a class.

    macro AUROC = mean over classes of AUROC(class against the rest)
    log-loss    = −1/n · Σᵢ log p(trueᵢ)
    Brier       = 1/n · Σᵢ Σ_k (p_ik − [trueᵢ = k])²     (0 to 2; not halved)

Reference: Provost, Domingos 2000 (one class against the rest; here every class weighs the same);
Brier 1950.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.core.types import CaseWeights
from medtransfer.evaluation.bootstrapped import bootstrapped
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.intervals import class_strata, weighted_mean
from medtransfer.evaluation.metrics import auroc, log_loss
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights
from medtransfer.evaluation.roc import auroc_estimate


def many_class_estimates(cases: Cases, classes: tuple[str, ...], *, seed: int, replicates: int) -> tuple[Estimate, ...]:
    """Macro AUROC, AUROC of each class, log-loss, multi-class Brier score."""
    per_class = tuple(
        auroc_estimate(cases.truth == k, np.ascontiguousarray(cases.probability[:, k]), cases.groups, of=name)
        for k, name in enumerate(classes)
    )
    return (
        _macro_auroc(cases, classes, seed=seed, replicates=replicates),
        *per_class,
        bootstrapped("log-loss", weighted_mean(log_losses(cases)), cases.groups, seed=seed, replicates=replicates),
        bootstrapped("Brier score", weighted_mean(brier_losses(cases)), cases.groups, seed=seed, replicates=replicates),
    )


def log_losses(cases: Cases) -> CaseWeights:
    """−log of the probability of the true class, clipped as in `metrics.log_loss`."""
    of_truth = cases.probability[np.arange(cases.truth.size), cases.truth]
    return -np.log(np.clip(of_truth, log_loss.SMALLEST, 1 - log_loss.SMALLEST))


def brier_losses(cases: Cases) -> CaseWeights:
    """Squared distance of each row of probabilities from its one-hot truth."""
    one_hot = np.eye(cases.probability.shape[1])[cases.truth]
    return ((cases.probability - one_hot) ** 2).sum(axis=1)


def _macro_auroc(cases: Cases, classes: tuple[str, ...], *, seed: int, replicates: int) -> Estimate:
    absent = [name for k, name in enumerate(classes) if not (cases.truth == k).any()]
    if absent:
        note = f"no study of class {', '.join(absent)}"
        return Estimate(name="macro AUROC", value=None, method="patient bootstrap", n=int(cases.truth.size), note=note)

    def macro(weights: ReplicateWeights) -> ReplicateValues:
        columns = [
            auroc.weighted(cases.truth == k, np.ascontiguousarray(cases.probability[:, k]), weights)
            for k in range(len(classes))
        ]
        return np.mean(columns, axis=0)

    return bootstrapped(
        "macro AUROC",
        macro,
        cases.groups,
        seed=seed,
        replicates=replicates,
        strata=class_strata(cases.truth, cases.groups),
    )
