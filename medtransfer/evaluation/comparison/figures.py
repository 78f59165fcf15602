"""The figures of each model by itself, on the studies that are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.comparison.finding_measures import SENSITIVITY, SPECIFICITY, Decisions
from medtransfer.evaluation.comparison.measure import Measure, ModelReplicates, ModelValues
from medtransfer.evaluation.percentile import percentile_estimate
from medtransfer.evaluation.positive import ascending
from medtransfer.evaluation.proportions import proportion
from medtransfer.evaluation.roc import auroc_estimate


def auroc_figures(
    truth: Truths, probabilities: Sequence[Probabilities], groups: Groups, *, level: float
) -> tuple[Estimate, ...]:
    """AUROC of each model, as `evaluate` gives it."""
    views = (ascending(truth, one, groups) for one in probabilities)
    return tuple(auroc_estimate(view.truth, view.probability, view.groups, level=level) for view in views)


def decision_figures(
    truth: Truths, called: Decisions, groups: Groups, *, level: float
) -> dict[str, tuple[Estimate, ...]]:
    """Sensitivity and specificity of each model at its own threshold, as `evaluate` gives them."""
    return {
        name: tuple(
            proportion(name, right[among, k], groups[among], level=level, otherwise=f"no {word} study")
            for k in range(called.shape[1])
        )
        for name, word, right, among in (
            (SENSITIVITY, "positive", called, truth),
            (SPECIFICITY, "negative", ~called, ~truth),
        )
    }


def bootstrap_figures(
    measure: Measure, values: ModelValues, replicates: ModelReplicates, groups: Groups, *, level: float
) -> tuple[Estimate, ...]:
    """A figure of each model, with the percentiles of the replicates that the differences come from."""
    n, alone = int(groups.size), np.unique(groups).size < 2
    return tuple(
        percentile_estimate(
            measure.name,
            value,
            replicates[:, k],
            n=n,
            level=level,
            note="one patient only" if alone else "",
            otherwise=measure.otherwise,
        )
        for k, value in enumerate(values.tolist())
    )
