"""Measure one set of predictions: discrimination, overall error, and what happens at the stored threshold.

The threshold is the one that came with the predictions. Nothing here chooses, and nothing here could:
this room may not import the one that does.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.results import Estimate, Evaluation, Predictions
from medtransfer.evaluation.cases import Cases, measured_cases
from medtransfer.evaluation.cautions import QUOTABLE_REPLICATES, cautions
from medtransfer.evaluation.flow import flow
from medtransfer.evaluation.many_classes import many_class_estimates
from medtransfer.evaluation.many_labels import many_label_estimates
from medtransfer.evaluation.ordered_classes import ordinal_estimates
from medtransfer.evaluation.positive import (
    PositiveFigures,
    against_the_rest,
    positive_figures,
    scores_by_class,
)
from medtransfer.evaluation.provenance import provenance
from medtransfer.evaluation.two_classes import two_class_estimates

PATIENTS_UNKNOWN = "patients unknown: interval may be too narrow"


def evaluate(
    predictions: Predictions, *, title: str = "", seed: int = 0, replicates: int = QUOTABLE_REPLICATES
) -> Evaluation:
    """Measure the studies that were read and have a truth. The order of the rows does not matter.

    With two classes and a positive one: AUROC, average precision, prevalence, Brier score, log-loss and
    calibration-in-the-large. Otherwise: macro AUROC, AUROC of each class against the rest, log-loss and
    multi-class Brier score; where the classes have an order, quadratic-weighted kappa and ranked probability score too.
    Of several labels: macro AUROC, then each label's figures as of two classes, over the studies where it is known.
    Curves, calibration and the figures at the operating point are those of the positive class, where there is one. A
    figure that cannot be had has value None and a note.

    Args:
        predictions: The table, and what judges it.
        title: Of the report.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.

    Raises:
        PredictionsError: The predictions cannot be evaluated (codes in `cases`).
        ConfigError: Too few replicates for an interval.
    """
    cases = measured_cases(predictions)
    classes, point = predictions.classes, predictions.operating_point
    figures, scores = PositiveFigures(), {}
    if predictions.positive is not None:
        index = classes.index(predictions.positive)
        view = against_the_rest(cases, index)
        figures, scores = positive_figures(view, point), scores_by_class(cases, classes, index)
    estimates = _estimates(cases, predictions, seed=seed, replicates=replicates)
    stamp = PATIENTS_UNKNOWN if predictions.patients_unknown else ""
    return Evaluation(
        title=title,
        task=predictions.task,
        classes=classes,
        positive=predictions.positive,
        n_studies=len(cases.truth),
        n_patients=int(np.unique(cases.groups).size),
        flow=flow(predictions),
        estimates=tuple(_stamped(one, stamp) for one in estimates),
        operating_point=point,
        confusion=figures.confusion,
        at_operating_point=tuple(_stamped(one, stamp) for one in figures.at_operating_point),
        roc=figures.roc,
        precision_recall=figures.precision_recall,
        calibration=tuple(
            one.model_copy(update={"observed": _stamped(one.observed, stamp)}) for one in figures.calibration
        ),
        scores=scores,
        warnings=tuple(cautions(cases, predictions, replicates=replicates)),
        provenance=provenance(predictions, seed=seed),
    )


def _estimates(cases: Cases, predictions: Predictions, *, seed: int, replicates: int) -> tuple[Estimate, ...]:
    """The overall figures that the question asks for, the headline first."""
    classes = predictions.classes
    if predictions.task == "multilabel":
        return many_label_estimates(cases, classes, seed=seed, replicates=replicates)
    if predictions.task == "ordinal":
        return ordinal_estimates(cases, classes, seed=seed, replicates=replicates)
    if predictions.positive is not None and len(classes) == 2:
        view = against_the_rest(cases, classes.index(predictions.positive))
        return two_class_estimates(view, seed=seed, replicates=replicates)
    return many_class_estimates(cases, classes, seed=seed, replicates=replicates)


def _stamped(estimate: Estimate, stamp: str) -> Estimate:
    return estimate.model_copy(update={"note": "; ".join(filter(None, [estimate.note, stamp]))})
