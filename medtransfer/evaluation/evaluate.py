"""Measure one set of predictions: discrimination, overall error, and what happens at the stored threshold.

The threshold is the one that came with the predictions. Nothing here chooses, and nothing here could:
this room may not import the one that does.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.results import Estimate, Evaluation, Predictions
from medtransfer.evaluation.cases import Cases, measured_cases
from medtransfer.evaluation.flow import flow
from medtransfer.evaluation.many_classes import many_class_estimates
from medtransfer.evaluation.positive import (
    PositiveFigures,
    against_the_rest,
    positive_figures,
    scores_by_class,
)
from medtransfer.evaluation.provenance import provenance
from medtransfer.evaluation.two_classes import two_class_estimates

FEW = 10
"""With fewer events or non-events than this, figures say little, and a warning says so."""

QUOTABLE_REPLICATES = 2000
"""Fewer bootstrap replicates than this draw a warning."""

PATIENTS_UNKNOWN = "patients unknown: interval may be too narrow"


def evaluate(
    predictions: Predictions, *, title: str = "", seed: int = 0, replicates: int = QUOTABLE_REPLICATES
) -> Evaluation:
    """Measure the studies that were read and have a truth. The order of the rows does not matter.

    With two classes and a positive one: AUROC, average precision, prevalence, Brier score, log-loss and
    calibration-in-the-large. Otherwise: macro AUROC, AUROC of each class against the rest, log-loss and
    multi-class Brier score. Curves, calibration and the figures at the operating point are those of
    the positive class, where there is one. A figure that cannot be had has value None and a note.

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
    estimates = None
    if predictions.positive is not None:
        index = classes.index(predictions.positive)
        view = against_the_rest(cases, index)
        figures, scores = positive_figures(view, point), scores_by_class(cases, classes, index)
        if len(classes) == 2:
            estimates = two_class_estimates(view, seed=seed, replicates=replicates)
    if estimates is None:
        estimates = many_class_estimates(cases, classes, seed=seed, replicates=replicates)
    stamp = PATIENTS_UNKNOWN if predictions.patients_unknown else ""
    return Evaluation(
        title=title,
        classes=classes,
        positive=predictions.positive,
        n_studies=int(cases.truth.size),
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
        warnings=tuple(_warnings(cases, predictions, replicates)),
        provenance=provenance(predictions, seed=seed),
    )


def _stamped(estimate: Estimate, stamp: str) -> Estimate:
    return estimate.model_copy(update={"note": "; ".join(filter(None, [estimate.note, stamp]))})


def _warnings(cases: Cases, predictions: Predictions, replicates: int) -> list[str]:
    warnings = []
    counts = np.bincount(cases.truth, minlength=len(predictions.classes)).tolist()
    present = [name for name, count in zip(predictions.classes, counts, strict=True) if count]
    if len(present) == 1:
        warnings.append(f"OneClass: all {sum(counts)} studies are {present[0]!r}; AUROC cannot be estimated")
    else:
        warnings += [
            f"Few studies of class {name!r}: {count}, fewer than {FEW}; read its figures with caution"
            for name, count in zip(predictions.classes, counts, strict=True)
            if count < FEW
        ]
    if predictions.positive is None:
        warnings.append("No positive class is declared: no curves, no calibration, no operating point")
    elif predictions.operating_point is None:
        warnings.append("No operating point came with the predictions: no sensitivity, no specificity")
    if predictions.patients_unknown:
        warnings.append("Some patients are unknown: intervals may be too narrow, leakage cannot be excluded")
    if cases.namesakes:
        what = "1 patient id also occurs" if cases.namesakes == 1 else f"{cases.namesakes} patient ids also occur"
        warnings.append(
            f"{what} among the training patients of another site: if they are the same people, "
            "these figures are too good"
        )
    if replicates < QUOTABLE_REPLICATES:
        warnings.append(f"Only {replicates} bootstrap replicates: do not quote these intervals")
    return warnings
