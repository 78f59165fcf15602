"""The reference standard on the page: what became of the truth, how far readers agree, and they beside the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.plots import SIZE
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.svg import FIRST, INK, MUTED, SECOND, SURFACE, Drawn, drawing, inline
from medtransfer.reporting.words import estimable, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from medtransfer.core.evaluated.curves import BandedCurve
    from medtransfer.core.evaluated.readers import AgainstOthers, Readers, TruthAccount
    from medtransfer.core.results import Curve, Estimate

_MARKS: Final = "osD^vPX*"
"""Shapes of readers in the drawing, so that colour is never the only cue."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of one reader: his own, the model's, and what lies between them."""

    reader: str
    label: str
    studies: int
    own: Estimate
    model: Estimate | None
    difference: Estimate | None


def readers_section(record: Readers, *, roc: Curve | BandedCurve | None = None) -> Section:
    """The part of the page.

    Args:
        record: What was found.
        roc: Of the model against the consensus, to be drawn beneath the readers.
    """
    account = record.account
    return section(
        "readers",
        "Reference standard and readers",
        figures=tuple(_figures(record, roc)),
        rule=account.rule.words(),
        account=account,
        ends=_ends(account),
        several=len(account.readers) > 1,
        agreement=record.agreement,
        rows=[row for one in record.against_others for row in _rows(one)],
        by_label=any(one.of for one in record.agreement),
        positive=record.positive,
    )


def reader_plot(rows: tuple[AgainstOthers, ...], *, roc: Curve | BandedCurve | None, name: str = "readers") -> Drawn:
    """Every reader on the ROC plane, judged by the others, with his interval, over the model's curve."""
    drawn = [row for row in rows if len(row.estimates) == 2 and all(estimable(one) for one in row.estimates)]
    with drawing(SIZE, SIZE) as canvas:
        axes = canvas.add_axes((0.13, 0.12, 0.84, 0.84))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.40, 0.34, "chance", color=MUTED, fontsize=9, rotation=45, ha="center", va="center")
        if roc is not None:
            axes.plot(roc.x, roc.y, color=FIRST, clip_on=False)
        names = {}
        for index, row in enumerate(drawn):
            stand_in = f"reader-{index}"
            names[stand_in] = row.reader
            _mark(axes, row, _MARKS[index % len(_MARKS)], stand_in)
        axes.legend(loc="lower right", fontsize=9, frameon=False, labelcolor=INK, handletextpad=0.4)
        axes.set_xlabel("1 − specificity (false-positive fraction)")
        axes.set_ylabel("Sensitivity")
        described = "; ".join(
            f"reader {row.reader}: {', '.join(figure(one) for one in row.estimates)}" for row in drawn
        )
        return inline(canvas, name=name, described=described or "No reader could be judged", names=names)


def _mark(axes: Axes, row: AgainstOthers, marker: str, label: str) -> None:
    sensitivity, specificity = row.estimates
    x, y = 1 - (specificity.value or 0.0), sensitivity.value or 0.0
    whisker = {"color": INK, "linewidth": 0.9, "alpha": 0.55, "clip_on": False, "zorder": 2.5}
    if specificity.low is not None and specificity.high is not None:
        axes.plot([1 - specificity.high, 1 - specificity.low], [y, y], **whisker)
    if sensitivity.low is not None and sensitivity.high is not None:
        axes.plot([x, x], [sensitivity.low, sensitivity.high], **whisker)
    axes.plot(
        [x],
        [y],
        marker=marker,
        markersize=8,
        markerfacecolor=SECOND,
        markeredgecolor=SURFACE,
        linestyle="none",
        clip_on=False,
        zorder=4,
        label=label,
    )


def _figures(record: Readers, roc: Curve | BandedCurve | None) -> Iterator[PlotFigure]:
    """One drawing a question; of several labels none has a curve of its own here."""
    for index, asked in enumerate(record.agreement):
        rows = tuple(one for one in record.against_others if one.of == asked.of)
        if not any(len(row.estimates) == 2 and all(estimable(one) for one in row.estimates) for row in rows):
            continue
        of = f", {asked.of}" if asked.of else ""
        curve = roc if asked.of is None else None
        caption = "Each reader judged by the consensus of the others, with intervals"
        caption += "; the line is the model against the consensus of all." if curve is not None else "."
        svg = reader_plot(rows, roc=curve, name=f"readers-{index}")
        yield PlotFigure(f"Readers on the ROC plane{of}", svg, caption)


def _ends(account: TruthAccount) -> list[tuple[str, int]]:
    """Where the studies of the predictions ended."""
    return [
        ("Settled", account.settled),
        ("Uncertain", account.uncertain),
        ("Tied", account.tied),
        ("Without any answer", account.unread),
        ("Not in the truth table", account.without_truth),
    ]


def _rows(one: AgainstOthers) -> Iterator[Row]:
    for index, own in enumerate(one.estimates):
        yield Row(
            reader=one.reader,
            label=one.of or "",
            studies=one.studies,
            own=own,
            model=one.model[index] if one.model else None,
            difference=one.differences[index] if one.differences else None,
        )
