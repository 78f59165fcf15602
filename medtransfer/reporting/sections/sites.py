"""Sites on the page: each by itself, all together where there are enough, and what leaving one out changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.reporting.comparison_words import p_words
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.forest import ForestRow
from medtransfer.reporting.group_table import FOREST, GroupRow, figure_heads, forest_figure, group_rows
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.sections.subgroups import MOST_DRAWINGS
from medtransfer.reporting.words import count, estimable, interval, label, number

if TYPE_CHECKING:
    from medtransfer.core.evaluated.heterogeneity import PooledFigure, Sites


@dataclass(frozen=True, kw_only=True)
class PooledRow:
    """One figure over all sites, in words where the record's numbers need some."""

    record: PooledFigure
    prediction: str
    q: str
    p: str
    share: str
    share_interval: str
    range: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """The sites of one finding."""

    finding: str
    record: Sites
    summary: str
    note: str
    pooled: tuple[PooledRow, ...]
    remarks: tuple[str, ...]
    heads: tuple[str, ...]
    rows: tuple[GroupRow, ...]


def sites_section(records: Sequence[Sites]) -> Section:
    """The part of the page.

    Args:
        records: One, or of several findings one for each.
    """
    return section(
        "sites",
        "Sites",
        figures=tuple(_figures(records[:MOST_DRAWINGS])),
        parts=[_part(one) for one in records],
    )


def summary(record: Sites) -> str:
    """What to expect of an average site, and of one more."""
    sites = record.by_site.groups
    estimated = sum(estimable(one.figure(FOREST).estimate) for one in sites)
    there = f"{count(len(sites), 'site')}, {estimated} of them with enough patients to be judged alone."
    pooled = next((one for one in record.pooled if one.estimate.name == FOREST), None)
    if pooled is None:
        return there
    low, high = number(pooled.prediction_low), number(pooled.prediction_high)
    return (
        f"{there} At an average site the AUROC is {number(pooled.estimate.value)} ({interval(pooled.estimate)}); at "
        f"one more site it is to be expected between {low} and {high}."
    )


def _part(record: Sites) -> Part:
    note = record.note
    return Part(
        finding=record.by_site.of or "",
        record=record,
        summary=summary(record),
        note=f"{note[:1].upper()}{note[1:]}",
        pooled=tuple(_pooled_row(one) for one in record.pooled),
        remarks=tuple(_remarks(record.pooled)),
        heads=figure_heads(record.by_site),
        rows=group_rows(record.by_site),
    )


def _pooled_row(one: PooledFigure) -> PooledRow:
    values = [other.estimate.value for other in one.without if other.estimate.value is not None]
    share = one.between_share
    return PooledRow(
        record=one,
        prediction="–" if one.prediction_low is None else f"{number(one.prediction_low)}–{number(one.prediction_high)}",
        q=f"{number(one.q, 2)} ({one.degrees} df)",
        p=p_words(one.p),
        share=f"{100 * (share.value or 0.0):.0f} %",
        share_interval=f"{100 * (share.low or 0.0):.0f}–{100 * (share.high or 0.0):.0f} %",
        range=f"{number(min(values))}–{number(max(values))}",
    )


def _remarks(pooled: Sequence[PooledFigure]) -> Iterator[str]:
    """Which sites are not in it, and which were helped, once for the figures that have the same to say."""
    said: dict[str, list[str]] = {}
    for one in pooled:
        left_out = f"not estimable at {', '.join(one.left_out)}" if one.left_out else ""
        for words in filter(None, [left_out, one.estimate.note]):
            said.setdefault(words, []).append(label(one.estimate.name))
    yield from (f"{', '.join(names)}: {words}." for words, names in said.items())


def _figures(records: Sequence[Sites]) -> Iterator[PlotFigure]:
    for index, record in enumerate(records):
        pooled = next((one for one in record.pooled if one.estimate.name == FOREST), None)
        if pooled is None:
            drawn = forest_figure(record.by_site, name=f"sites-{index}")
        else:
            ends = (pooled.prediction_low, pooled.prediction_high)
            row = ForestRow(
                name="Average site",
                below=f"of {pooled.sites}; line: one more",
                estimate=pooled.estimate,
                summary=True,
                reach=(ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None,
            )
            drawn = forest_figure(
                record.by_site,
                name=f"sites-{index}",
                below=[row],
                line=pooled.estimate,
                words="The diamond and the dashed line are the average site; the line below the diamond is where one "
                "more site would lie.",
            )
        if drawn is not None:
            yield drawn
