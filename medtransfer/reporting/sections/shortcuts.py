"""The shortcut panel on the page, beside the model's own figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.comparison_words import p_words
from medtransfer.reporting.dots import MOST_ROWS, DotRow, dot_plot
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.svg import Drawn
from medtransfer.reporting.words import CHANCE, estimable, has_interval, interval, label, number

if TYPE_CHECKING:
    from medtransfer.core.evaluated.shortcuts import GivenLabel, Shortcut, Shortcuts
    from medtransfer.core.results import Estimate

MOST_DRAWINGS: Final = 12
_MOST_NAMED: Final = 3
SIGNIFICANT: Final = 0.05
_NAMES: Final = {
    "metadata": "Table alone",
    "thumbnail": "8 × 8 thumbnail alone",
    "border": "Picture border alone",
}


@dataclass(frozen=True, kw_only=True)
class GivenRow:
    """One value in words."""

    record: GivenLabel
    p: str
    marked: bool


@dataclass(frozen=True, kw_only=True)
class Part:
    """The panel of one finding."""

    record: Shortcuts
    summary: str
    rows: tuple[tuple[str, Estimate, str], ...]
    given: tuple[GivenRow, ...]


def shortcuts_section(records: Sequence[Shortcuts]) -> Section:
    """The part of the page.

    Args:
        records: One a finding.
    """
    return section(
        "shortcuts",
        "Could it be a shortcut?",
        figures=tuple(_figures(records[:MOST_DRAWINGS])),
        parts=tuple(_part(one) for one in records),
        several=len(records) > 1,
        method=records[0].method if records else "",
    )


def summary(record: Shortcuts) -> str:
    """What the panel says, in a sentence."""
    known = [one for one in record.panel if one.auroc.value is not None]
    if not known:
        return "Nothing could be looked at: " + "; ".join(sorted({one.auroc.note for one in record.panel})) + "."
    worst = max(known, key=lambda one: one.auroc.value or 0.0)
    name = _NAMES[worst.name]
    said = f"{name}: AUROC {_words(worst.auroc)}"
    beside = f"the model: {_words(record.model)}" if estimable(record.model) else "the model's own is not estimable"
    if not record.warnings:
        return f"No shortcut stands out. {said} is the most that was told without the anatomy; {beside}."
    found = "; ".join(one.removeprefix("Shortcut: ") for one in record.warnings[:_MOST_NAMED])
    return f"{found}; {beside}. The model may have learned what this learned."


def _words(one: Estimate) -> str:
    return f"{number(one.value, 2)} ({interval(one, 2)})" if has_interval(one) else number(one.value, 2)


def _part(record: Shortcuts) -> Part:
    rows = [("Model", record.model, "")]
    rows += [(_NAMES[one.name], one.auroc, ", ".join(map(label, one.made_of))) for one in record.panel]
    rows += [(f"{label(one.name)} alone", one.auroc, "") for one in record.attributes]
    return Part(record=record, summary=summary(record), rows=tuple(rows), given=tuple(map(_given, record.given_label)))


def _given(one: GivenLabel) -> GivenRow:
    marked = one.p_holm is not None and one.p_holm < SIGNIFICANT
    return GivenRow(record=one, p="–" if one.p_holm is None else p_words(one.p_holm), marked=marked)


def _figures(records: Sequence[Shortcuts]) -> Iterator[PlotFigure]:
    for index, record in enumerate(records):
        of = f": {record.of}" if len(records) > 1 else ""
        rows = [_dot("Model", record.model, first=True)]
        rows += [_shortcut(one, _NAMES[one.name]) for one in record.panel]
        rows += [_shortcut(one, f"{label(one.name)} alone") for one in record.attributes]
        svg = dot_plot(
            rows[:MOST_ROWS],
            name=f"shortcuts-{index}",
            axis="AUROC",
            described=f"How well {record.of} is told by the model, and from other things alone",
            line=CHANCE,
        )
        caption = "The diamond is the model; the dashed line is chance. Squares: the whole interval lies above 0.6."
        yield PlotFigure(f"Told without looking{of}", svg, caption)
        given = [one for one in record.given_label if estimable(one.superiority)]
        if given:
            yield PlotFigure(f"Score by scanner and site, same truth{of}", _given_plot(given, index), _GIVEN)


_GIVEN: Final = (
    "Chance that a study with this value scores above one of the same truth without it; the dashed line, one half, is "
    "no association. Squares remain after adjustment."
)


def _given_plot(given: Sequence[GivenLabel], index: int) -> Drawn:
    rows = [
        _dot(f"{one.attribute} {one.value}", one.superiority, marked=_given(one).marked) for one in given[:MOST_ROWS]
    ]
    return dot_plot(
        rows,
        name=f"shortcuts-given-{index}",
        axis="Chance to score higher, same truth",
        described="Whether the score differs by site and scanner among studies of the same truth",
        line=CHANCE,
    )


def _shortcut(one: Shortcut, name: str) -> DotRow:
    least = one.auroc.low if one.auroc.low is not None else one.auroc.value
    return _dot(name, one.auroc, marked=least is not None and least > 0.6)


def _dot(name: str, one: Estimate, *, marked: bool = False, first: bool = False) -> DotRow:
    words = _words(one) if estimable(one) else "not estimable"
    return DotRow(name=name, value=one.value, words=words, low=one.low, high=one.high, marked=marked, first=first)
