"""AUROC and average precision over several findings: of the findings' mean, and of all their answers together.

    macro = 1/K · Σ_k figure of finding k           every finding counts the same, however rare
    micro = figure of all pairs (study, finding)    every answer counts the same; compares one finding with another

Of classes, finding k is class k against the rest, over all studies; of labels, label k over the studies where it is
known. A replicate of macro that lacks a finding is the mean over the others.

Reference: Provost, Domingos 2000 (one class against the rest; here every class weighs the same); `average="macro"` and
`average="micro"` of `sklearn.metrics.roc_auc_score` and `average_precision_score`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from jaxtyping import Int

from medtransfer.core.results import Estimate
from medtransfer.core.types import ClassIndices, Groups, Probabilities, Truths
from medtransfer.evaluation.bootstrapped import on_logit_scale, on_the_data, together
from medtransfer.evaluation.metrics import auroc, average_precision
from medtransfer.evaluation.patients import patient_count
from medtransfer.evaluation.ranking import Ranking, ranking
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic, resampled

AVERAGES: Final = ("macro AUROC", "micro AUROC", "macro average precision", "micro average precision")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """One finding, over the studies where it is known."""

    truth: Truths
    probability: Probabilities
    rows: Int[np.ndarray, " case"]
    """Which of the studies these are."""


def averages(
    findings: Sequence[Answers],
    groups: Groups,
    *,
    strata: ClassIndices,
    seed: int,
    replicates: int,
    level: float = 0.95,
    note: str = "",
) -> tuple[Estimate, ...]:
    """Macro and micro AUROC, macro and micro average precision, from two drawings.

    Args:
        findings: Each has studies with it and without it.
        groups: The patient of every study.
        strata: Of every study, for AUROC; average precision depends on prevalence, and is not stratified.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        level: Coverage aimed at.
        note: What there is to say of all of them.
    """
    each = [ranking(one.truth, one.probability, one.rows) for one in findings]
    pooled = ranking(
        np.concatenate([one.truth for one in findings]),
        np.concatenate([one.probability for one in findings]),
        np.concatenate([one.rows for one in findings]),
    )
    macro_area, micro_area, macro_average, micro_average = AVERAGES
    areas = {macro_area: _mean(auroc.statistic, each), micro_area: auroc.statistic(pooled)}
    means = {
        macro_average: _mean(average_precision.statistic, each),
        micro_average: average_precision.statistic(pooled),
    }
    drawn = resampled(areas, groups, seed=seed, replicates=replicates, strata=strata)
    on_logit = partial(on_logit_scale, degrees=float(patient_count(groups) - 1), level=level, strata=strata)
    found = (
        *(on_logit(name, on_the_data(area, groups), drawn[name], groups) for name, area in areas.items()),
        *together(means, groups, seed=seed, replicates=replicates, level=level),
    )
    return tuple(one.model_copy(update={"note": "; ".join(filter(None, [note, one.note]))}) for one in found)


def no_averages(n: int, why: str) -> tuple[Estimate, ...]:
    """Where a class is missing, or no label can be judged."""
    return tuple(Estimate(name=name, value=None, method="patient bootstrap", n=n, note=why) for name in AVERAGES)


def _mean(statistic: Callable[[Ranking], Statistic], each: Sequence[Ranking]) -> Statistic:
    figures = [statistic(one) for one in each]

    def mean(weights: ReplicateWeights) -> ReplicateValues:
        found = np.array([figure(weights) for figure in figures])
        known = np.isfinite(found)
        total, count = np.where(known, found, 0).sum(axis=0), known.sum(axis=0)
        return np.divide(total, count, out=np.full(len(weights), np.nan), where=count > 0)

    return mean
