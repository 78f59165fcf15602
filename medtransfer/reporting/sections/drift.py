"""Drift on the page: attributes, embeddings, and the course of the figures over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.course_plot import course_plot
from medtransfer.reporting.dots import MOST_ROWS, DotRow, dot_plot
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.words import count, interval, label, number

if TYPE_CHECKING:
    from medtransfer.core.evaluated.drift import AttributeDrift, Drift, EmbeddingDrift, OverTime

MOST_DRAWINGS: Final = 12
_SHORT: Final = {"total variation": "TV", "standardised mean difference": "SMD", "missing share": "missing"}


@dataclass(frozen=True, kw_only=True)
class PeriodRow:
    """One period in words."""

    name: str
    studies: int
    labelled: int
    cells: tuple[tuple[str, str, bool], ...]
    """Value, interval, and whether it lies beyond its limits."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The course of one finding."""

    record: OverTime
    heads: tuple[str, ...]
    rows: tuple[PeriodRow, ...]
    summary: str


def drift_section(record: Drift) -> Section:
    """The part of the page."""
    return section(
        "drift",
        "Drift",
        figures=tuple(_figures(record)),
        record=record,
        summary=summary(record),
        unknown=[one for one in record.attributes if one.value is None],
        embedding=_embedding_words(record.embedding),
        parts=tuple(_part(one) for one in record.over_time),
    )


def summary(record: Drift) -> str:
    """What has moved further than chance explains, in a sentence or two."""
    if not record.against:
        return "There is neither a reference nor a training spectrum to compare with."
    moved = [_name(one) for one in record.attributes if one.outside]
    against = record.against if record.against.startswith("the ") else f"the {record.against}"
    if moved:
        return f"Further from {against} than chance explains: {', '.join(moved)}."
    known = sum(one.value is not None for one in record.attributes)
    return f"None of {count(known, 'attribute')} is further from {against} than chance explains."


def _name(one: AttributeDrift) -> str:
    return f"{label(one.name)} (missing)" if one.measure == "missing share" else label(one.name)


def _embedding_words(one: EmbeddingDrift) -> str:
    if one.value is None:
        return f"Distance of the embeddings: not estimable ({one.note})."
    here, there = one.studies
    verdict = "further apart than chance explains" if one.outside else "no further apart than chance explains"
    missing = f" {sum(one.without):,} studies have no embedding." if sum(one.without) else ""
    drawn = f" Patients were {one.note}." if one.note else ""
    return (
        f"Embeddings of {here:,} studies here and {there:,} of the reference are {verdict}: energy coefficient "
        f"{number(one.value)}; with patients dealt at random ({one.permutations} times) it is "
        f"{number(one.null_median)} in the middle and below {number(one.null_high)} in 95 of 100.{drawn}{missing}"
    )


def _part(record: OverTime) -> Part:
    names = [course.figure for course in record.courses]
    rows = []
    for place, period in enumerate(record.periods):
        estimates = [(course, course.estimates[place]) for course in record.courses]
        cells = tuple((number(one.value), interval(one), period.name in course.outside) for course, one in estimates)
        rows.append(PeriodRow(name=period.name, studies=period.studies, labelled=period.labelled, cells=cells))
    return Part(record=record, heads=tuple(map(label, names)), rows=tuple(rows), summary=_course_words(record))


def _course_words(record: OverTime) -> str:
    undated = (
        f" {count(record.undated, 'study', 'studies')} without a date stand in no period." if record.undated else ""
    )
    if not record.periods:
        return f"No course over time: {record.note}."
    out = [f"{label(one.figure)} in {', '.join(one.outside)}" for one in record.courses if one.outside]
    said = f"Beyond the limits: {'; '.join(out)}." if out else "No period lies beyond its limits."
    return f"{count(len(record.periods), record.unit)}, limits from the {record.baseline}. {said}{undated}"


def _figures(record: Drift) -> Iterator[PlotFigure]:
    known = [one for one in record.attributes if one.value is not None and one.null_high is not None]
    known.sort(key=lambda one: (-(one.value or 0.0) / (one.null_high or 1.0), one.name))
    if known:
        svg = dot_plot(
            [_row(one) for one in known[:MOST_ROWS]],
            name="drift-attributes",
            axis="Distance (see the words)",
            described=f"Distance of each attribute from the {record.against}",
        )
        yield PlotFigure(
            "Attributes",
            svg,
            f"Distance from the {record.against}: total variation (TV) of words, standardised mean difference (SMD) of "
            "numbers, difference of the shares that are missing. Grey: 95 of 100 distances by chance; squares lie "
            "beyond it.",
        )
    yield from _courses(record.over_time)


def _row(one: AttributeDrift) -> DotRow:
    return DotRow(
        name=_name(one),
        value=one.value,
        words=f"{number(one.value, 2)} {_SHORT[one.measure]}",
        band=(0.0, one.null_high or 0.0),
        marked=one.outside,
    )


def _courses(records: Sequence[OverTime]) -> Iterator[PlotFigure]:
    for index, record in enumerate(one for one in records if len(one.periods) > 1 and one.courses):
        if index == MOST_DRAWINGS:
            return
        yield PlotFigure(
            f"By {record.unit}: {record.of}",
            course_plot(record, name=f"drift-course-{index}"),
            f"Dots with 95 % intervals. Grey: three standard errors around the {record.baseline}, the dashed line; "
            "squares lie beyond. Calibration is the mean probability less the share with the finding.",
        )
