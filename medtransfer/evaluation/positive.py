"""What is shown of the positive class: curves, calibration, scores, and figures at the stored threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medtransfer.core.results import CalibrationBin, Confusion, Curve, Estimate, OperatingPoint
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.calibration import calibration_bins
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.operating_points import at_threshold, confusion
from medtransfer.evaluation.roc import precision_recall_curve, roc_curve


@dataclass(frozen=True, kw_only=True)
class Positive:
    """The measured studies, seen as the positive class against the rest, **in ascending order of probability**.

    The order spares every figure that ranks its own sorting, on the data as on each bootstrap replicate. Equal
    probabilities keep the order of their study ids.
    """

    truth: Truths
    probability: Probabilities
    groups: Groups


@dataclass(frozen=True, kw_only=True)
class PositiveFigures:
    """Fields of `Evaluation` that need a positive class; empty where there is none."""

    confusion: Confusion | None = None
    at_operating_point: tuple[Estimate, ...] = ()
    roc: Curve | None = None
    precision_recall: Curve | None = None
    calibration: tuple[CalibrationBin, ...] = ()


def against_the_rest(cases: Cases, class_index: int) -> Positive:
    """One class against all others."""
    return ascending(cases.truth == class_index, cases.probability[:, class_index], cases.groups)


def ascending(truth: Truths, probability: Probabilities, groups: Groups) -> Positive:
    """The studies in ascending order of probability."""
    order = np.argsort(probability, kind="stable")
    return Positive(truth=truth[order], probability=np.ascontiguousarray(probability[order]), groups=groups[order])


def positive_figures(view: Positive, point: OperatingPoint | None) -> PositiveFigures:
    """Curves where both classes occur, calibration, and counts and rates at the operating point if any."""
    truth, probability, groups = view.truth, view.probability, view.groups
    both = bool(truth.any()) and not bool(truth.all())
    return PositiveFigures(
        confusion=confusion(truth, probability, point.threshold) if point else None,
        at_operating_point=at_threshold(truth, probability, point.threshold, groups) if point else (),
        roc=roc_curve(truth, probability) if both else None,
        precision_recall=precision_recall_curve(truth, probability) if both else None,
        calibration=calibration_bins(truth, probability, groups),
    )


def scores_by_class(cases: Cases, classes: tuple[str, ...], class_index: int) -> dict[str, tuple[float, ...]]:
    """Probability of the positive class by true class, sorted, so that its place betrays no study."""
    probability = cases.probability[:, class_index]
    return {name: tuple(np.sort(probability[cases.truth == k]).tolist()) for k, name in enumerate(classes)}
