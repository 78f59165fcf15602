"""An evaluation for a screen: the words and figures of its page, part by part, as pieces without markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.reporting.blocks import ReportBlock, ReportTable, blocks
from medtransfer.reporting.cards import headline_cards
from medtransfer.reporting.evaluation_parts import undrawn_parts
from medtransfer.reporting.picture_files import svg_file, svg_on_dark
from medtransfer.reporting.provenance import provenance_facts
from medtransfer.reporting.words import estimable, has_interval, interval, label, level, number, verdict

if TYPE_CHECKING:
    from medtransfer.core.evaluated.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A drawing with its words, as an SVG document in the colours of light mode and of dark mode."""

    heading: str
    caption: str
    light: str
    dark: str


@dataclass(frozen=True, kw_only=True)
class ReportPart:
    """One part of the page.

    Attributes:
        name: `discrimination`, `net_benefit`, …, as in the page's anchors.
        heading: Above it.
        blocks: Its words and tables.
        drawings: Its drawings.
    """

    name: str
    heading: str
    blocks: tuple[ReportBlock, ...]
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One of the first figures: `AUROC`, `0.912`, `95 % CI`, `0.852–0.951`, `chance 0.5`."""

    name: str
    value: str
    level: str
    interval: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class ReportHead:
    """What stands above the parts.

    Attributes:
        title: Of the page.
        verdict: The one sentence.
        headlines: The first figures.
        headings: Of the parts, in their order.
        overall: All overall figures.
        made_from: Digests, versions and seed.
    """

    title: str
    verdict: str
    headlines: tuple[Headline, ...]
    headings: tuple[str, ...]
    overall: ReportTable
    made_from: tuple[tuple[str, str], ...]


def report_head(evaluation: Evaluation) -> ReportHead:
    """The top of the page, and what it was made from. Nothing is drawn."""
    return ReportHead(
        title=evaluation.title or "Evaluation",
        verdict=verdict(evaluation),
        headlines=tuple(
            Headline(
                name=card.name,
                value=number(card.estimate.value),
                level=level(card.estimate) if has_interval(card.estimate) else "",
                interval=interval(card.estimate) or card.estimate.note or "no interval",
                reference=card.reference_words,
            )
            for card in headline_cards(evaluation)
        ),
        headings=tuple(part.heading for part in undrawn_parts(evaluation)),
        overall=_overall(evaluation),
        made_from=tuple((fact.name, fact.value) for fact in provenance_facts(evaluation.provenance)),
    )


def report_part(evaluation: Evaluation, heading: str) -> ReportPart:
    """One part of the page, drawn.

    Raises:
        KeyError: The page has no part of this heading.
    """
    part = next((one for one in undrawn_parts(evaluation) if one.heading == heading), None)
    if part is None:
        raise KeyError(heading)
    section = part.draw()
    return ReportPart(
        name=section.name,
        heading=section.heading,
        blocks=blocks(section.body),
        drawings=tuple(
            Drawing(heading=one.heading, caption=one.caption, light=svg_file(one.svg), dark=svg_on_dark(one.svg))
            for one in section.figures
        ),
    )


def _overall(evaluation: Evaluation) -> ReportTable:
    """A row a figure, as the page's last table has them."""
    rows = [
        (
            label(one.name),
            one.of or "",
            number(one.value),
            interval(one) or ("no interval" if estimable(one) else "–"),
            f"{one.n:,}",
            one.method,
            one.note,
        )
        for one in evaluation.estimates
    ]
    levels = {level(one) for one in evaluation.estimates if has_interval(one)}
    kind = "Label" if evaluation.task == "multilabel" else "Class"
    ends = levels.pop() if len(levels) == 1 else "Interval"
    return ReportTable(
        caption="",
        head=("Figure", kind, "Value", ends, "n", "Method", "Note"),
        numeric=(False, False, True, True, True, False, False),
        rows=tuple(rows),
    )
