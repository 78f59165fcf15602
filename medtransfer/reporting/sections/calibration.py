"""Calibration on the page: what slope and intercept say, Brier score and distances, and the reliability curve."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.core.evaluated.calibration import Calibrations
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.sections.reliability import reliability_plot
from medtransfer.reporting.words import estimable, figure, has_interval, interval, level

if TYPE_CHECKING:
    from medtransfer.core.evaluated.calibration import Calibration
    from medtransfer.core.results import Estimate

MOST_DRAWN: Final = 8
"""Findings with drawings; the others stand in the table alone."""

MOST_NAMED: Final = 12
"""Figures that a sentence on methods names."""

_BEST: Final = {
    "calibration-in-the-large": "0",
    "calibration intercept": "0",
    "calibration slope": "1",
    "Brier score": "0",
    "scaled Brier score": "1",
    "miscalibration (MCB)": "0",
    "discrimination (DSC)": "UNC",
    "uncertainty (UNC)": "",
}
"""What a perfect model reaches; distances not named here: 0."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure, and what it was before recalibration."""

    after: Estimate
    before: Estimate | None
    best: str


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One finding on the page."""

    record: Calibration
    verdict: str
    headline: tuple[Row, ...]
    """The figures to quote; `rest` are all others."""
    rest: tuple[Row, ...]


def calibration_section(
    record: Calibration | Calibrations, *, before: Calibration | Calibrations | None = None
) -> Section:
    """The part of the page.

    Args:
        record: Of one finding, or of several.
        before: The same before recalibration, where the bundle recalibrates.
    """
    several = isinstance(record, Calibrations)
    findings, earlier = _findings(record), _findings(before) if before else ()
    shown = tuple(
        _shown(finding, earlier[index] if earlier else None, several=several) for index, finding in enumerate(findings)
    )
    every = record.estimates()
    levels = {level(one) for one in every if has_interval(one)}
    return section(
        "calibration",
        "Calibration",
        figures=tuple(
            drawn
            for index, finding in enumerate(findings[:MOST_DRAWN])
            for drawn in _figures(finding, earlier[index] if earlier else None, index, several=several)
        ),
        several=several,
        recalibrated=before is not None,
        shown=shown,
        widest=max(range(len(shown)), key=lambda index: len(shown[index].headline)),
        classwise=_row(record.classwise_error, before.classwise_error if isinstance(before, Calibrations) else None)
        if isinstance(record, Calibrations)
        else None,
        common_level=levels.pop() if len(levels) == 1 else "Interval",
        methods=_grouped(((one.method, one) for one in every if has_interval(one)), several=False),
        notes=_grouped(((one.note, one) for one in every if one.note and estimable(one)), several=several),
        undrawn=max(0, len(findings) - MOST_DRAWN),
    )


def verdict(record: Calibration) -> str:
    """What slope and intercept say of the probabilities, in plain words."""
    said = [*_of_slope(record.slope), *_of_intercept(record.intercept)]
    if said:
        return f"The probabilities of {record.of} are {' and '.join(said)}."
    lacking = [one for one in (record.slope, record.intercept) if one.value is None]
    if lacking:
        return f"{'; '.join(figure(one) for one in lacking)}."
    return (
        f"Neither the slope nor the intercept of {record.of} is shown to be wrong: their intervals hold 1 and 0. "
        "That is no proof that the probabilities are right."
    )


def _of_slope(slope: Estimate) -> Iterator[str]:
    if slope.high is not None and slope.high < 1:
        yield f"too extreme (slope {interval(slope)}, below 1)"
    elif slope.low is not None and slope.low > 1:
        yield f"not extreme enough (slope {interval(slope)}, above 1)"


def _of_intercept(intercept: Estimate) -> Iterator[str]:
    if intercept.high is not None and intercept.high < 0:
        yield f"too high on the whole (intercept {interval(intercept)}, below 0)"
    elif intercept.low is not None and intercept.low > 0:
        yield f"too low on the whole (intercept {interval(intercept)}, above 0)"


def _findings(record: Calibration | Calibrations) -> tuple[Calibration, ...]:
    return record.findings if isinstance(record, Calibrations) else (record,)


def _shown(record: Calibration, before: Calibration | None, *, several: bool) -> Shown:
    ece = (record.errors[0].expected,) if record.errors else ()
    quoted = [record.intercept, record.slope, record.brier.score, record.smooth.ici, *ece]
    if not several:
        quoted[:0] = [record.in_the_large]
        quoted[4:4] = [record.brier.scaled]
    names = {one.name for one in quoted}
    theirs = {_key(one): one for one in before.estimates()} if before else {}
    rows = [_row(one, theirs.get(_key(one))) for one in record.estimates()]
    return Shown(
        record=record,
        verdict=verdict(record),
        headline=tuple(row for row in rows if row.after.name in names),
        rest=tuple(row for row in rows if row.after.name not in names),
    )


def _key(estimate: Estimate) -> str:
    """The same figure before and after: where values repeat, the number of bins may change."""
    return re.sub(r"\d+ bins", "bins", estimate.name)


def _row(after: Estimate, before: Estimate | None) -> Row:
    return Row(after=after, before=before, best=_BEST.get(after.name.removesuffix(" (bootstrap)"), "0"))


def _grouped(said: Iterable[tuple[str, Estimate]], *, several: bool) -> list[str]:
    """Each sentence once, with the figures that it is about."""
    about: dict[str, list[str]] = {}
    for sentence, one in said:
        about.setdefault(sentence, []).append(f"{one.name} of {one.of}" if several and one.of else one.name)
    return [
        f"{', '.join(dict.fromkeys(names[:MOST_NAMED]))}{' …' if len(names) > MOST_NAMED else ''}: {sentence}."
        for sentence, names in about.items()
    ]


def _figures(record: Calibration, before: Calibration | None, index: int, *, several: bool) -> Iterator[PlotFigure]:
    of = f", {record.of}" if several else ""
    pairs = [(record, "after recalibration" if before else "", "calibration")]
    if before is not None:
        pairs.insert(0, (before, "before recalibration", "calibration-before"))
    for each, when, name in pairs:
        if each.bins and each.histogram is not None:
            yield PlotFigure(
                f"Reliability{of}{f', {when}' if when else ''}",
                reliability_plot(each, name=f"{name}-{index}" if several else name),
                _caption(each),
            )


def _caption(record: Calibration) -> str:
    lines = [f"How often {record.of} was there by predicted probability."]
    if record.smooth.curve is not None:
        band = " with its pointwise band" if record.smooth.curve.low else ""
        lines.append(f"The line is a smooth curve{band} ({figure(record.smooth.ici)}).")
    lines.append("The points are groups of about equal size, with intervals.")
    lines.append("Below, which share of the studies with it (up) and without it (down) had which probability.")
    return " ".join(lines)
