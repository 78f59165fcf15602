"""How well probabilities tell a finding from its absence: AUROC, average precision, and the curves behind them.

AUROC has two intervals, one from the variance between patients (`roc.auroc_estimate`), one from the bootstrap. The
bootstrap of AUROC and ROC draws patients within strata (only positive studies, only negative ones, both), since neither
depends on how many of each there are; that of average precision, precision and recall does not, since they do.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from medtransfer.core.evaluated.curves import BandedCurve, Histogram
from medtransfer.core.evaluated.discrimination import Discrimination, PatientKinds
from medtransfer.core.results import Estimate
from medtransfer.evaluation.bands import banded, precisions, sensitivities
from medtransfer.evaluation.bootstrapped import from_replicates, on_logit_scale
from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.metrics import auroc, average_precision
from medtransfer.evaluation.patients import patient_count
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.proportions import proportion
from medtransfer.evaluation.ranking import ranking
from medtransfer.evaluation.resampling import ReplicateFigures, ReplicateWeights, Statistic, resampled
from medtransfer.evaluation.roc import auroc_estimate, between_patients, flagged, precision_recall_curve, roc_curve

AUROC: Final = "AUROC"
BOOTSTRAPPED_AUROC: Final = "AUROC (bootstrap)"
AVERAGE_PRECISION: Final = "average precision"
PREVALENCE: Final = "prevalence"

ONE_CLASS: Final = "only one class among the studies"

_EDGES: Final = np.linspace(0, 1, 26)


def discrimination_statistic(view: Positive) -> Statistic:
    """What `discrimination` needs of an unstratified bootstrap, so that several parts can share one drawing."""
    ranked = ranking(view.truth, view.probability)
    recalls = np.array(precision_recall_curve(view.truth, view.probability).x) if _both(view) else np.empty(0)

    def statistic(weights: ReplicateWeights) -> ReplicateFigures:
        if not recalls.size:
            return np.full((len(weights), 1), np.nan)
        sums = ranked.sums(weights)
        return np.column_stack([average_precision.of_sums(ranked, sums), precisions(ranked, sums, recalls)])

    return statistic


def discrimination(
    view: Positive,
    *,
    of: str,
    rest: str,
    seed: int,
    replicates: int,
    level: float = 0.95,
    drawn: ReplicateFigures | None = None,
) -> Discrimination:
    """Everything about the discrimination of one finding; a figure that cannot be had is None with a note.

    Args:
        view: The studies.
        of: Name of the finding.
        rest: Name of its absence.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        level: Coverage aimed at.
        drawn: What an unstratified bootstrap found of `discrimination_statistic`; None draws one here.

    Raises:
        ConfigError: Too few replicates.
    """
    truth, probability, groups = view.truth, view.probability, view.groups
    roc = precision_recall = None
    areas = _not_estimable(view, level)
    if _both(view):
        area, roc = _roc(view, seed=seed, replicates=replicates, level=level)
        if drawn is None:
            drawn = resampled({"": discrimination_statistic(view)}, groups, seed=seed, replicates=replicates)[""]
        average, precision_recall = _precision_recall(view, drawn, level=level)
        analytic = auroc_estimate(truth, probability, groups, level=level)
        areas = (analytic, flagged(area, truth), flagged(average, truth))
    return Discrimination(
        of=of,
        rest=rest,
        n=int(truth.size),
        events=int(truth.sum()),
        patients=patient_kinds(view),
        estimates=(*areas, proportion(PREVALENCE, truth, groups, level=level)),
        roc=roc,
        precision_recall=precision_recall,
        histogram=Histogram(
            edges=tuple(_EDGES.tolist()),
            counts={
                name: tuple(np.histogram(probability[those], bins=_EDGES)[0].tolist())
                for name, those in ((of, truth), (rest, ~truth))
            },
        ),
    )


def patient_kinds(view: Positive) -> PatientKinds:
    """Patients by what their studies show."""
    with_, without = (patient_count(view.groups[those]) for those in (view.truth, ~view.truth))
    both = with_ + without - patient_count(view.groups)
    return PatientKinds(only_with=with_ - both, only_without=without - both, both=both)


def _both(view: Positive) -> bool:
    return bool(view.truth.any()) and not bool(view.truth.all())


def _not_estimable(view: Positive, level: float) -> tuple[Estimate, ...]:
    note = ONE_CLASS if view.truth.size else "no study"
    n = int(view.truth.size)
    return tuple(
        Estimate(name=name, value=None, level=level, method="none", n=n, note=note)
        for name in (AUROC, BOOTSTRAPPED_AUROC, AVERAGE_PRECISION)
    )


def _roc(view: Positive, *, seed: int, replicates: int, level: float) -> tuple[Estimate, BandedCurve]:
    """Bootstrapped AUROC and ROC curve, from one drawing."""
    ranked, groups = ranking(view.truth, view.probability), view.groups
    curve, value = roc_curve(view.truth, view.probability), auroc.measure(view.truth, view.probability)
    degrees = between_patients(view.truth, view.probability, groups).degrees
    if np.isnan(degrees):
        note = "no interval: too few patients of one class"
        none = Estimate(name=BOOTSTRAPPED_AUROC, value=value, level=level, method="none", n=groups.size, note=note)
        return none, BandedCurve(x=curve.x, y=curve.y, level=level)
    fractions, strata = np.array(curve.x), class_strata(view.truth.astype(np.int64), groups)

    def statistic(weights: ReplicateWeights) -> ReplicateFigures:
        sums = ranked.sums(weights)
        return np.column_stack([auroc.of_sums(ranked, sums), sensitivities(ranked, sums, fractions)])

    found = resampled({"": statistic}, groups, seed=seed, replicates=replicates, strata=strata)[""]
    estimate = on_logit_scale(
        BOOTSTRAPPED_AUROC, value, found[:, 0], groups, degrees=degrees, level=level, strata=strata
    )
    method = f"patient bootstrap, stratified, {replicates} replicates, pointwise"
    return estimate, banded(curve, found[:, 1:], method=method, level=level)


def _precision_recall(view: Positive, found: ReplicateFigures, *, level: float) -> tuple[Estimate, BandedCurve]:
    curve = precision_recall_curve(view.truth, view.probability)
    value = average_precision.measure(view.truth, view.probability)
    estimate = from_replicates(AVERAGE_PRECISION, value, found[:, 0], view.groups, level=level)
    if patient_count(view.groups) < 2:
        return estimate, BandedCurve(x=curve.x, y=curve.y, level=level)
    return estimate, banded(curve, found[:, 1:], method=f"{estimate.method}, pointwise", level=level)
