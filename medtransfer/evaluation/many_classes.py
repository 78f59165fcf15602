"""Several classes on an equal footing: averages over them first, then each against the rest, and two losses.

    log-loss    = −1/n · Σᵢ log p(trueᵢ)
    Brier       = 1/n · Σᵢ Σ_k (p_ik − [trueᵢ = k])²     (0 to 2; not halved)

Reference: Brier 1950; the averages in `averages`.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.evaluated.discrimination import SeveralDiscriminations
from medtransfer.core.results import Estimate
from medtransfer.core.types import CaseWeights
from medtransfer.evaluation.averages import Answers, averages, no_averages
from medtransfer.evaluation.bootstrapped import together
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.discrimination import discrimination
from medtransfer.evaluation.intervals import class_strata, weighted_mean
from medtransfer.evaluation.metrics import log_loss
from medtransfer.evaluation.positive import against_the_rest
from medtransfer.evaluation.roc import auroc_estimate


def many_class_estimates(
    cases: Cases,
    classes: tuple[str, ...],
    *,
    seed: int,
    replicates: int,
    found: SeveralDiscriminations | None = None,
) -> tuple[Estimate, ...]:
    """Macro and micro AUROC and average precision, AUROC of each class, log-loss, multi-class Brier score.

    Args:
        cases: The studies.
        classes: Their names.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        found: What `class_discriminations` found, so that its averages need not be drawn again.
    """
    per_class = tuple(
        auroc_estimate(cases.truth == k, np.ascontiguousarray(cases.probability[:, k]), cases.groups, of=name)
        for k, name in enumerate(classes)
    )
    means = found.estimates if found else class_averages(cases, classes, seed=seed, replicates=replicates)
    losses = {"log-loss": weighted_mean(log_losses(cases)), "Brier score": weighted_mean(brier_losses(cases))}
    return (*means, *per_class, *together(losses, cases.groups, seed=seed, replicates=replicates))


def class_discriminations(
    cases: Cases, classes: tuple[str, ...], *, seed: int, replicates: int
) -> SeveralDiscriminations:
    """Each class against the rest, with its curves, and the averages.

    Args:
        cases: The studies.
        classes: Their names.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
    """
    return SeveralDiscriminations(
        estimates=class_averages(cases, classes, seed=seed, replicates=replicates),
        each=tuple(
            discrimination(against_the_rest(cases, k), of=name, rest=f"not {name}", seed=seed, replicates=replicates)
            for k, name in enumerate(classes)
        ),
    )


def class_averages(cases: Cases, classes: tuple[str, ...], *, seed: int, replicates: int) -> tuple[Estimate, ...]:
    """Macro and micro AUROC, macro and micro average precision; none where a class is missing."""
    absent = [name for k, name in enumerate(classes) if not (cases.truth == k).any()]
    if absent:
        return no_averages(int(cases.truth.size), f"no study of class {', '.join(absent)}")
    everyone = np.arange(cases.truth.size)
    return averages(
        [
            Answers(truth=cases.truth == k, probability=np.ascontiguousarray(cases.probability[:, k]), rows=everyone)
            for k in range(len(classes))
        ],
        cases.groups,
        strata=class_strata(cases.truth, cases.groups),
        seed=seed,
        replicates=replicates,
    )


def log_losses(cases: Cases) -> CaseWeights:
    """−log of the probability of the true class, clipped as in `metrics.log_loss`."""
    of_truth = cases.probability[np.arange(cases.truth.size), cases.truth]
    return -np.log(np.clip(of_truth, log_loss.SMALLEST, 1 - log_loss.SMALLEST))


def brier_losses(cases: Cases) -> CaseWeights:
    """Squared distance of each row of probabilities from its one-hot truth."""
    one_hot = np.eye(cases.probability.shape[1])[cases.truth]
    return ((cases.probability - one_hot) ** 2).sum(axis=1)
