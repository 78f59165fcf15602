"""Overall figures for classes that have an order: those of several classes, and two that know how far off a miss is.

    RPS = 1/(K−1) · 1/n · Σᵢ Σ_{k<K} (P(yᵢ ≤ k) − [yᵢ ≤ k])²                      (0 is perfect, 1 is the worst)
    κ_w = 1 − Σ_ab w_ab·O_ab / Σ_ab w_ab·E_ab,     w_ab = (a − b)²,  E_ab = O_a·O_·b / n

O_ab counts the studies of class a whose most probable class is b (of equally probable ones the lowest); E_ab is what
chance alone would give. κ_w is 1 for perfect agreement, 0 for chance, and below 0 for worse.

Reference: Epstein 1969, A scoring system for probability forecasts of ranked categories, in Murphy's form of 1971,
divided by K−1; Cohen 1968, Weighted kappa. κ_w equals `sklearn.metrics.cohen_kappa_score(weights="quadratic")`.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.evaluated.discrimination import SeveralDiscriminations
from medtransfer.core.results import Estimate
from medtransfer.core.types import CaseWeights
from medtransfer.evaluation.bootstrapped import bootstrapped
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.intervals import weighted_mean
from medtransfer.evaluation.many_classes import many_class_estimates
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic

KAPPA = "quadratic-weighted kappa"


def ordinal_estimates(
    cases: Cases,
    classes: tuple[str, ...],
    *,
    seed: int,
    replicates: int,
    found: SeveralDiscriminations | None = None,
) -> tuple[Estimate, ...]:
    """Macro AUROC, quadratic-weighted kappa, ranked probability score; then the others of several classes.

    Args:
        cases: The studies.
        classes: Their names, ascending.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        found: What `class_discriminations` found, so that its averages need not be drawn again.
    """
    macro, *others = many_class_estimates(cases, classes, seed=seed, replicates=replicates, found=found)
    score = bootstrapped(
        "ranked probability score",
        weighted_mean(ranked_losses(cases)),
        cases.groups,
        seed=seed,
        replicates=replicates,
    )
    return (macro, _kappa_estimate(cases, seed=seed, replicates=replicates), score, *others)


def ranked_losses(cases: Cases) -> CaseWeights:
    """Mean squared distance of each row's cumulative probabilities from those of its truth."""
    cuts = np.arange(cases.probability.shape[1] - 1)
    below = np.cumsum(cases.probability, axis=1)[:, :-1]
    return ((below - (cases.truth[:, None] <= cuts)) ** 2).mean(axis=1)


def quadratic_kappa(cases: Cases) -> Statistic:
    """κ_w of the most probable class under each row of case weights; NaN where all is one class."""
    classes = cases.probability.shape[1]
    pairs = np.eye(classes**2)[cases.truth * classes + cases.probability.argmax(axis=1)]
    distance = np.subtract.outer(np.arange(classes), np.arange(classes)) ** 2.0

    def kappa(weights: ReplicateWeights) -> ReplicateValues:
        observed = (weights @ pairs).reshape(-1, classes, classes)
        by_chance = observed.sum(axis=2)[:, :, None] * observed.sum(axis=1)[:, None, :]
        found = (observed * distance).sum(axis=(1, 2)) * weights.sum(axis=1)
        expected = (by_chance * distance).sum(axis=(1, 2))
        return 1 - np.divide(found, expected, out=np.full(len(weights), np.nan), where=expected > 0)

    return kappa


def _kappa_estimate(cases: Cases, *, seed: int, replicates: int) -> Estimate:
    if np.unique(cases.truth).size < 2:
        note = "only one class among the studies"
        return Estimate(name=KAPPA, value=None, method="patient bootstrap", n=len(cases.truth), note=note)
    return bootstrapped(
        KAPPA,
        quadratic_kappa(cases),
        cases.groups,
        seed=seed,
        replicates=replicates,
    )
