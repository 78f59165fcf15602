"""Calibration of each of several classes against the rest, or of each of several labels where it is known.

    classwise ECE = mean over classes k of ECE(class k against the rest), bins of equal width

A label of which nothing is known has no ECE, and the mean is over the others.

Reference: Kull et al. 2019, Beyond temperature scaling (classwise ECE).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from medtransfer.core.evaluated.calibration import Calibrations
from medtransfer.core.results import Estimate
from medtransfer.core.types import ClassProbabilities, Groups, StudyTargets
from medtransfer.evaluation.calibration.biased import biased_estimate
from medtransfer.evaluation.calibration.bins import BINS
from medtransfer.evaluation.calibration.cells import Cells
from medtransfer.evaluation.calibration.one_finding import Begun, begin, finish, nothing
from medtransfer.evaluation.calibration.replicates import error_replicates
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.resampling import ReplicateWeights, Statistic, resampled

Rows = Int[np.ndarray, " known"]

_NAME = f"classwise ECE, {BINS} bins of equal width"


def calibrations(
    truth: StudyTargets,
    probability: ClassProbabilities,
    groups: Groups,
    *,
    classes: tuple[str, ...],
    seed: int,
    replicates: int,
    level: float = 0.95,
) -> Calibrations:
    """Every class or label, from one drawing.

    Args:
        truth: The class of each study; or of several labels 1, 0, or NaN where nobody knows.
        probability: Of every class or label.
        groups: The patient of each study.
        classes: Their names.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        level: Coverage aimed at.
    """
    rows = [_rows(truth, probability, k) for k in range(len(classes))]
    begun = [
        begin(_view(truth, probability, groups, k, at), level=level) if at.size else None for k, at in enumerate(rows)
    ]
    statistics = {
        name: _counting(one.cells, at) for name, one, at in zip(classes, begun, rows, strict=True) if one is not None
    }
    counts = resampled(statistics, groups, seed=seed, replicates=replicates)
    known = {name: one for name, one in zip(classes, begun, strict=True) if one is not None}
    findings = tuple(
        nothing(name, level=level) if one is None else finish(one, counts[name], of=name)
        for name, one in zip(classes, begun, strict=True)
    )
    return Calibrations(findings=findings, classwise_error=_classwise(known, counts, len(truth), level))


def _rows(truth: StudyTargets, probability: ClassProbabilities, k: int) -> Rows:
    """The studies of which the class or label is known, in ascending order of its probability."""
    known = np.arange(len(truth)) if truth.ndim == 1 else np.flatnonzero(~np.isnan(truth[:, k]))
    return known[np.argsort(probability[known, k], kind="stable")]


def _view(truth: StudyTargets, probability: ClassProbabilities, groups: Groups, k: int, rows: Rows) -> Positive:
    positive = truth[rows] == k if truth.ndim == 1 else truth[rows, k] == 1
    return Positive(truth=positive, probability=probability[rows, k], groups=groups[rows])


def _counting(cells: Cells, rows: Rows) -> Statistic:
    def counts(weights: ReplicateWeights) -> np.ndarray:
        return cells.counts(np.take(weights, rows, axis=1))

    return counts


def _classwise(begun: dict[str, Begun], counts: dict[str, np.ndarray], n: int, level: float) -> Estimate:
    if not begun:
        return Estimate(name=_NAME, value=None, level=level, method="none", n=n, note="no label is known of any study")
    drawn = [_ece(one, counts[name]) for name, one in begun.items()]
    value = np.mean([_ece(one, one.cells.sizes[None])[0] for one in begun.values()])
    return biased_estimate(_NAME, float(value), np.mean(drawn, axis=0), n=n, level=level)


def _ece(begun: Begun, counts: np.ndarray) -> np.ndarray:
    return error_replicates(begun.view, begun.cuts["equal width"], begun.cells, counts)[:, 0]
