"""Subgroups on the page: what differs from the rest, a table an attribute, a forest plot an attribute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.comparison_words import p_words
from medtransfer.reporting.group_table import (
    GroupRow,
    by_words,
    figure_heads,
    forest_figure,
    group_rows,
)
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.words import count, estimable, interval, label, number

if TYPE_CHECKING:
    from medtransfer.core.evaluated.heterogeneity import Subgroups

MOST_DRAWINGS: Final = 24
"""Attributes times findings that are drawn; the others stand in their tables alone."""

LEVEL: Final = 0.05
_MOST_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True)
class Part:
    """One attribute."""

    heading: str
    record: Subgroups
    rule: str
    heads: tuple[str, ...]
    rows: tuple[GroupRow, ...]
    opens: bool
    """Whether it is the first of a finding, where there are several: they are folded away, one each."""
    closes: bool


def subgroups_section(records: Sequence[Subgroups]) -> Section:
    """The part of the page.

    Args:
        records: One an attribute, and of several findings one for each of them.
    """
    drawn = [forest_figure(one, name=f"subgroups-{index}") for index, one in enumerate(records[:MOST_DRAWINGS])]
    more = len(records) - MOST_DRAWINGS
    return section(
        "subgroups",
        "Subgroups",
        figures=tuple(one for one in drawn if one is not None),
        summary=summary(records),
        parts=[_part(records, place) for place in range(len(records))],
        undrawn=f"{count(more, 'more table')} without a drawing." if more > 0 else "",
    )


def summary(records: Sequence[Subgroups]) -> str:
    """Which differences stay after adjustment, in one or two sentences."""
    tests = sum(one.tests for one in records)
    if not tests:
        return "No group could be compared with all other studies: there are too few patients of one kind."
    found = [words for one in records for words in _differences(one)]
    counted = f"{count(tests, 'difference')} tested"
    if not found:
        return f"After adjustment no group differs from all other studies ({counted})."
    more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return f"After adjustment {len(found)} of {counted} remain: {'; '.join(found[:_MOST_NAMED])}{more}."


def _differences(record: Subgroups) -> Iterator[str]:
    stamp = "" if record.prespecified else ", exploratory"
    groups = record.groups[:1] if len(record.groups) == 2 else record.groups
    for group in groups:
        for one in group.figures:
            contrast = one.contrast
            if contrast is None or contrast.p_holm is None or contrast.p_holm >= LEVEL:
                continue
            difference = contrast.difference
            if estimable(difference):
                yield (
                    f"{label(one.estimate.name)} of {by_words(record)} {group.name} by {number(difference.value)} "
                    f"({interval(difference)}; {p_words(contrast.p_holm)}{stamp})"
                )


def _part(records: Sequence[Subgroups], place: int) -> Part:
    record, last = records[place], len(records) - 1
    rule = f"{record.rule[:1].upper()}{record.rule[1:]}."
    return Part(
        heading=by_words(record),
        record=record,
        rule=rule,
        heads=figure_heads(record),
        rows=group_rows(record),
        opens=record.of is not None and (place == 0 or records[place - 1].of != record.of),
        closes=record.of is not None and (place == last or records[place + 1].of != record.of),
    )
