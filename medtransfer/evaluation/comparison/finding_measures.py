"""Measures of one finding: every entry of the catalogue of metrics, and what each model's own threshold makes of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.evaluated.comparison import Better
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.comparison.measure import Measure, side_by_side
from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.ranking import ranking
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic

METRICS: Final = Catalogue("medtransfer.evaluation.metrics", "measure", "metric")

SENSITIVITY: Final = "sensitivity"
SPECIFICITY: Final = "specificity"

Metric = Callable[[Truths, Probabilities], float]
Weighted = Callable[[Truths, Probabilities, ReplicateWeights], ReplicateValues]
Decisions = Bool[np.ndarray, "case model"]

_TRUTH: Final = np.array([True, True, False, False])
_SCORE: Final = np.array([0.9, 0.4, 0.6, 0.2])


def metric_measure(name: str, truth: Truths, probabilities: Sequence[Probabilities], groups: Groups) -> Measure:
    """A metric of the catalogue, or a user's `module:function`, of every model.

    Raises:
        CatalogueError: There is no such metric.
    """
    metric = METRICS.get(name)
    weighted = _weighted(name, metric)
    return Measure(
        metric=name,
        better=direction(metric),
        statistic=side_by_side([_statistic(name, weighted, truth, one) for one in probabilities]),
        strata=None if depends_on_prevalence(weighted) else class_strata(truth.astype(np.int64), groups),
    )


def decision_measures(truth: Truths, called: Decisions, groups: Groups) -> tuple[Measure, Measure]:
    """Sensitivity and specificity of decisions, `case model`."""
    strata = class_strata(truth.astype(np.int64), groups)
    return tuple(
        Measure(
            metric=metric,
            better="higher",
            statistic=_share(right, among),
            strata=strata,
            otherwise=f"no {word} study",
            n=int(among.sum()),
        )
        for metric, word, right, among in (
            (SENSITIVITY, "positive", called, truth),
            (SPECIFICITY, "negative", ~called, ~truth),
        )
    )  # pyright: ignore[reportReturnType]  (two of them)


def direction(metric: Metric) -> Better:
    """Found by experiment, so that a new metric needs no entry here: is the truth itself rated above its opposite?"""
    truth = np.array([True, False])
    return "higher" if metric(truth, np.array([1.0, 0.0])) > metric(truth, np.array([0.0, 1.0])) else "lower"


def depends_on_prevalence(weighted: Weighted) -> bool:
    """Does it move when every negative study counts twice? Rates within a class and AUROC do not."""
    once, twice = weighted(_TRUTH, _SCORE, np.array([[1.0, 1, 1, 1], [1, 1, 2, 2]]))
    return bool(abs(once - twice) > 1e-12)


def _weighted(name: str, metric: Metric) -> Weighted:
    """The entry's own `weighted`; a user's function is asked once a replicate, of repeated studies."""
    if ":" not in name:
        return sys.modules[metric.__module__].weighted

    def one_by_one(truth: Truths, probability: Probabilities, weights: ReplicateWeights) -> ReplicateValues:
        times = weights.astype(np.int64)
        return np.array([metric(np.repeat(truth, row), np.repeat(probability, row)) for row in times], dtype=np.float64)

    return one_by_one


def _statistic(name: str, weighted: Weighted, truth: Truths, probability: Probabilities) -> Statistic:
    """Ranked once for all replicates, where the entry ranks."""
    ranked = None if ":" in name else getattr(sys.modules[METRICS.get(name).__module__], "statistic", None)
    return partial(weighted, truth, probability) if ranked is None else ranked(ranking(truth, probability))


def _share(right: Decisions, among: Truths) -> Statistic:
    counted: Float64[np.ndarray, "case model"] = (right & among[:, None]).astype(np.float64)
    of = among.astype(np.float64)

    def share(weights: ReplicateWeights) -> np.ndarray:
        total = (weights @ of)[:, None]
        return np.divide(
            weights @ counted, total, out=np.full((len(weights), counted.shape[1]), np.nan), where=total > 0
        )

    return share
