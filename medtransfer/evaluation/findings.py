"""The parts of an evaluation that look at findings, one against the rest each, from as few drawings as can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.results import UNCALIBRATED
from medtransfer.core.types import ClassIndices
from medtransfer.evaluation.calibration.one_finding import begin, calibration, finish
from medtransfer.evaluation.calibration.several_findings import calibrations
from medtransfer.evaluation.discrimination import discrimination, discrimination_statistic
from medtransfer.evaluation.many_classes import class_discriminations
from medtransfer.evaluation.many_labels import label_discriminations, where_known
from medtransfer.evaluation.operating_figures import operating_figures, operating_statistic
from medtransfer.evaluation.positive import Positive, against_the_rest, ascending
from medtransfer.evaluation.prevalence import threshold_at, view_at
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.usefulness import usefulness, usefulness_statistic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medtransfer.core.evaluated.calibration import Calibration, Calibrations
    from medtransfer.core.evaluated.discrimination import Discrimination, SeveralDiscriminations
    from medtransfer.core.evaluated.operating import OperatingFigures
    from medtransfer.core.evaluated.usefulness import Usefulness
    from medtransfer.core.results import OperatingPoint, Predictions
    from medtransfer.evaluation.cases import Cases


_FIGURES: Final = ("estimates", "in_sample")


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was measured of the findings."""

    discrimination: Discrimination | SeveralDiscriminations
    calibration: Calibration | Calibrations
    uncalibrated: Calibration | Calibrations | None
    operating: OperatingFigures | None
    operating_per_label: dict[str, OperatingFigures]
    usefulness: dict[str, Usefulness]


@dataclass(frozen=True, kw_only=True)
class Draws:
    """How replicates are drawn."""

    seed: int
    replicates: int


@dataclass(frozen=True, kw_only=True)
class Stated:
    """The shares of one finding: those that its probabilities are calibrated to, and those asked for."""

    prior: float
    stated: float


def measured_findings(
    cases: Cases, predictions: Predictions, *, stated: Mapping[str, float] | None, draws: Draws
) -> Findings:
    """Everything about the positive class of two; else about every class, or every label where it is known.

    Args:
        cases: The studies.
        predictions: Whose they are.
        stated: The prevalence of each class or label where the model is to be used (`prevalence.stated_shares`).
        draws: Of the bootstrap.
    """
    shares = {name: Stated(prior=predictions.priors[name], stated=share) for name, share in (stated or {}).items()}
    if is_one_finding(predictions):
        return _one(cases, predictions, shares, draws)
    return _several(cases, predictions, shares, draws)


def is_one_finding(predictions: Predictions) -> bool:
    """Two classes of which one is positive: everything is about that one."""
    return predictions.positive is not None and len(predictions.classes) == 2


def views(cases: Cases, predictions: Predictions) -> dict[str, Positive]:
    """The findings that are looked at, by name: the positive class, or each class or label."""
    classes = predictions.classes
    if predictions.task == "multilabel":
        return {name: where_known(cases, index) for index, name in enumerate(classes)}
    chosen = classes if predictions.positive is None else (predictions.positive,)
    return {name: against_the_rest(cases, classes.index(name)) for name in chosen}


def rows_of(cases: Cases, predictions: Predictions, name: str) -> ClassIndices:
    """Of each study of a finding's view, in the view's order, its place among the cases."""
    index = predictions.classes.index(name)
    several = predictions.task == "multilabel"
    known = np.flatnonzero(~np.isnan(cases.truth[:, index])) if several else np.arange(len(cases.truth))
    return known[np.argsort(cases.probability[known, index], kind="stable")]


def _one(cases: Cases, predictions: Predictions, shares: Mapping[str, Stated], draws: Draws) -> Findings:
    positive, classes = str(predictions.positive), predictions.classes
    index = classes.index(positive)
    view, point, share = against_the_rest(cases, index), predictions.operating_point, shares.get(positive)
    shown, threshold = _shown(view, point, share)
    begun = begin(view)
    statistics = {
        "discrimination": discrimination_statistic(view),
        "calibration": begun.cells.counts,
        "usefulness": usefulness_statistic(shown, threshold),
    }
    if point is not None:
        statistics["operating"] = operating_statistic(view, point)
    drawn = resampled(statistics, view.groups, seed=draws.seed, replicates=draws.replicates)
    seeds = {"seed": draws.seed, "replicates": draws.replicates}
    before = _column(cases, UNCALIBRATED + positive)
    return Findings(
        discrimination=discrimination(
            view, of=positive, rest=classes[1 - index], drawn=drawn["discrimination"], **seeds
        ),
        calibration=finish(begun, drawn["calibration"], of=positive),
        uncalibrated=None
        if before is None
        else calibration(ascending(cases.truth == index, before, cases.groups), of=positive, **seeds),
        operating=_operating(view, point, drawn["operating"], share, threshold) if point else None,
        operating_per_label={},
        usefulness={
            positive: usefulness(shown, threshold, drawn["usefulness"], prevalence=share.stated if share else None)
        },
    )


def _several(cases: Cases, predictions: Predictions, shares: Mapping[str, Stated], draws: Draws) -> Findings:
    classes = predictions.classes
    seeds = {"seed": draws.seed, "replicates": draws.replicates}
    each = label_discriminations if predictions.task == "multilabel" else class_discriminations
    columns = [_column(cases, UNCALIBRATED + name) for name in classes]
    before = (
        None if any(one is None for one in columns) else np.column_stack([one for one in columns if one is not None])
    )
    operating, useful = {}, {}
    for name, view in views(cases, predictions).items():
        point, share = predictions.points.get(name), shares.get(name)
        shown, threshold = _shown(view, point, share)
        statistics = {"usefulness": usefulness_statistic(shown, threshold)}
        if point is not None:
            statistics["operating"] = operating_statistic(view, point)
        drawn = dict.fromkeys(statistics, np.empty(0))
        if view.truth.size:
            drawn = resampled(statistics, view.groups, seed=draws.seed, replicates=draws.replicates)
        useful[name] = usefulness(shown, threshold, drawn["usefulness"], prevalence=share.stated if share else None)
        if point is not None:
            operating[name] = _operating(view, point, drawn["operating"], share, threshold)
    several = predictions.task == "multilabel"
    return Findings(
        discrimination=each(cases, classes, **seeds),
        calibration=calibrations(cases.truth, cases.probability, cases.groups, classes=classes, **seeds),
        uncalibrated=None
        if before is None
        else calibrations(cases.truth, before, cases.groups, classes=classes, **seeds),
        operating=None if several else operating.get(str(predictions.positive)),
        operating_per_label={name: _named(one, name) for name, one in operating.items()} if several else {},
        usefulness=useful,
    )


def _shown(view: Positive, point: OperatingPoint | None, share: Stated | None) -> tuple[Positive, float | None]:
    """The view and the threshold as they are shown: shifted where a prevalence is stated."""
    threshold = point.threshold if point else None
    if share is None:
        return view, threshold
    moved = threshold if threshold is None else threshold_at(threshold, prior=share.prior, stated=share.stated)
    return view_at(view, prior=share.prior, stated=share.stated), moved


def _operating(
    view: Positive, point: OperatingPoint, drawn: np.ndarray, share: Stated | None, threshold: float | None
) -> OperatingFigures:
    stated = share.stated if share else None
    return operating_figures(view, point, drawn, prevalence=stated, shown_threshold=threshold)


def _named(found: OperatingFigures, name: str) -> OperatingFigures:
    """The figures, each saying which label it is of."""
    parts = {part: tuple(one.model_copy(update={"of": name}) for one in getattr(found, part)) for part in _FIGURES}
    return found.model_copy(update=parts)


def _column(cases: Cases, name: str) -> np.ndarray | None:
    return cases.table[name].to_numpy(dtype=np.float64) if name in cases.table else None
