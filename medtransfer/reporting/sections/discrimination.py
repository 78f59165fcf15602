"""Discrimination on the page: AUROC and average precision, the curves with their bands, and the spread of scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from medtransfer.core.evaluated.discrimination import SeveralDiscriminations
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.plots import histogram_plot, precision_recall_plot, roc_plot
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.words import estimable, figure, level, number

if TYPE_CHECKING:
    from medtransfer.core.evaluated.discrimination import Discrimination
    from medtransfer.core.evaluated.operating import OperatingFigures
    from medtransfer.core.results import Estimate

MOST_DRAWN: Final = 8
"""Findings with drawings; the others stand in the table alone."""


def discrimination_section(
    record: Discrimination | SeveralDiscriminations, *, operating: Mapping[str, OperatingFigures] | None = None
) -> Section:
    """The part of the page.

    Args:
        record: Of one finding, or of several.
        operating: Finding → what happens at its operating point, to be marked in its drawings.
    """
    several = isinstance(record, SeveralDiscriminations)
    findings = record.each if several else (record,)
    every = (*record.estimates, *(one for finding in findings for one in finding.estimates))
    levels = {level(one) for one in every if one.low is not None}
    return section(
        "discrimination",
        "Discrimination",
        figures=tuple(
            drawn
            for index, finding in enumerate(findings[:MOST_DRAWN])
            for drawn in _figures(finding, index, several=several, at=(operating or {}).get(finding.of))
        ),
        several=several,
        averages=record.estimates if several else (),
        findings=findings,
        rows=[_row(finding) for finding in findings],
        common_level=levels.pop() if len(levels) == 1 else "Interval",
        undrawn=max(0, len(findings) - MOST_DRAWN),
        mixed=sum(finding.patients.both for finding in findings),
        methods=_methods(every),
    )


def _row(finding: Discrimination) -> tuple[Estimate, ...]:
    """AUROC, the same with a bootstrap interval, average precision, prevalence."""
    names = ("AUROC", "AUROC (bootstrap)", "average precision", "prevalence")
    return tuple(finding.estimate(name) for name in names)


def _methods(estimates: tuple[Estimate, ...]) -> list[str]:
    """How the intervals were made, each once, in the order in which they come."""
    return list(dict.fromkeys(f"{one.name}: {one.method}" for one in estimates if one.low is not None))


def _figures(
    finding: Discrimination, index: int, *, several: bool, at: OperatingFigures | None
) -> Iterator[PlotFigure]:
    area, _, average, share = _row(finding)
    of, name = (f", {finding.of}", f"-{index}") if several else ("", "")
    band = "The band is pointwise. " if finding.roc is not None and finding.roc.low else ""
    if finding.roc is not None:
        point = (at.estimate("sensitivity"), at.estimate("specificity")) if at else None
        svg = roc_plot(finding.roc, auroc=area, point=point, name=f"discrimination-roc{name}")
        marked = point is not None and estimable(point[0]) and estimable(point[1])
        yield PlotFigure(f"ROC curve{of}", svg, f"{figure(area)}. {band}The dashed diagonal is chance.", marked=marked)
    if finding.precision_recall is not None and share.value is not None:
        svg = precision_recall_plot(
            finding.precision_recall,
            average_precision=average,
            prevalence=share.value,
            point=_recall_and_precision(at),
            name=f"discrimination-pr{name}",
        )
        caption = (
            f"{figure(average)}. {band}The dashed line is the prevalence, {number(share.value)}: what a model without "
            "knowledge reaches."
        )
        yield PlotFigure(f"Precision and recall{of}", svg, caption, marked=_recall_and_precision(at) is not None)
    if finding.n:
        threshold = at.point.threshold if at else None
        svg = histogram_plot(
            finding.histogram, positive=finding.of, threshold=threshold, name=f"discrimination-scores{name}"
        )
        caption = f"Predicted probability of {finding.of}, by what was found."
        if at:
            caption += " Studies at or right of the dashed line are called positive."
        yield PlotFigure(f"Spread of probabilities{of}", svg, caption)


def _recall_and_precision(at: OperatingFigures | None) -> tuple[float, float] | None:
    """TP/(TP+FN) and TP/(TP+FP) among these studies, where both exist."""
    if at is None:
        return None
    c = at.confusion
    positive, called = c.true_positive + c.false_negative, c.true_positive + c.false_positive
    return (c.true_positive / positive, c.true_positive / called) if positive and called else None
