"""Which plots an evaluation has, and what their captions say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from medtransfer.reporting.cards import prevalence
from medtransfer.reporting.plots import calibration_plot, precision_recall_plot, roc_plot, score_plot
from medtransfer.reporting.words import figure, is_auroc, number, slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from medtransfer.core.results import Estimate, Evaluation


@dataclass(frozen=True)
class PlotFigure:
    """One plot with its words; `marked` where the operating point stands in it."""

    heading: str
    svg: Markup
    caption: str
    marked: bool = False


def evaluation_figures(evaluation: Evaluation) -> tuple[PlotFigure, ...]:
    """Discrimination, precision, calibration, distribution: those the evaluation has the data for."""
    return tuple(_figures(evaluation))


def _figures(evaluation: Evaluation) -> Iterator[PlotFigure]:
    point = evaluation.operating_point
    if evaluation.roc is not None:
        auroc = _of_positive(evaluation, (e for e in evaluation.estimates if is_auroc(e)))
        at = _at_point(evaluation)
        svg = roc_plot(evaluation.roc, auroc=auroc, point=at)
        caption = (f"{figure(auroc)}. " if auroc else "") + "The dashed diagonal is chance."
        yield PlotFigure("ROC curve", Markup(svg), caption, marked=at is not None)
    share = prevalence(evaluation)
    if evaluation.precision_recall is not None and share is not None:
        named = (e for e in evaluation.estimates if slug(e.name) in {"average_precision", "ap"})
        average = _of_positive(evaluation, named)
        at_recall = _recall_and_precision(evaluation)
        svg = precision_recall_plot(
            evaluation.precision_recall, average_precision=average, prevalence=share, point=at_recall
        )
        caption = (f"{figure(average)}. " if average else "") + (
            f"The dashed line is the prevalence, {number(share)}: what a model without knowledge reaches."
        )
        yield PlotFigure("Precision and recall", Markup(svg), caption, marked=at_recall is not None)
    if evaluation.calibration:
        svg = calibration_plot(evaluation.calibration, scores=evaluation.scores)
        caption = (
            f"How often {evaluation.positive or 'the finding'} was there among studies with similar "
            "probabilities, with intervals; below, how many studies had which probability."
        )
        yield PlotFigure("Calibration", Markup(svg), caption)
    if any(evaluation.scores.values()):
        threshold = point.threshold if point else None
        svg = score_plot(evaluation.scores, positive=evaluation.positive, threshold=threshold)
        caption = f"Predicted probability of {evaluation.positive or 'the positive class'}, by true class."
        if point is not None:
            caption += " Studies at or right of the dashed line are called positive."
        yield PlotFigure("Scores by class", Markup(svg), caption)


def _of_positive(evaluation: Evaluation, candidates: Iterable[Estimate]) -> Estimate | None:
    """The estimate of the positive class, or the one that names no class."""
    return next((e for e in candidates if e.of in {None, evaluation.positive}), None)


def _at_point(evaluation: Evaluation) -> tuple[Estimate, Estimate] | None:
    found = {slug(e.name): e for e in evaluation.at_operating_point}
    sensitivity, specificity = found.get("sensitivity"), found.get("specificity")
    if sensitivity is None or specificity is None or sensitivity.value is None or specificity.value is None:
        return None
    return sensitivity, specificity


def _recall_and_precision(evaluation: Evaluation) -> tuple[float, float] | None:
    """TP/(TP+FN) and TP/(TP+FP), where both exist."""
    counts = evaluation.confusion
    if counts is None:
        return None
    positive, called = (
        counts.true_positive + counts.false_negative,
        counts.true_positive + counts.false_positive,
    )
    return (counts.true_positive / positive, counts.true_positive / called) if positive and called else None
