"""Groups of studies as rows of a table, and as a forest plot of their AUROC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.comparison_words import p_words
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.forest import MOST_ROWS, ForestRow, forest_plot
from medtransfer.reporting.words import count, estimable, interval, label, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.core.evaluated.heterogeneity import Figure, Subgroup, Subgroups
    from medtransfer.core.results import Estimate

FOREST: Final = "AUROC"
"""Of the figures, the one that is drawn."""

_SHORT: Final = {"calibration-in-the-large": "Calibration"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One figure of a group, and of how it differs from all other studies, in words."""

    value: str
    interval: str
    difference: str = ""
    difference_interval: str = ""
    p: str = ""


@dataclass(frozen=True, kw_only=True)
class GroupRow:
    """One group."""

    name: str
    group: Subgroup
    patients: str
    shared: str
    """Patients who have studies in other groups, or an empty string."""
    prevalence: str
    cells: tuple[Cell, ...]
    note: str
    """Why none of its figures is estimable, or an empty string."""


def group_rows(record: Subgroups) -> tuple[GroupRow, ...]:
    """All studies first, then every group."""
    return tuple(_row(one) for one in (record.everyone.model_copy(update={"name": "All studies"}), *record.groups))


def figure_heads(record: Subgroups) -> tuple[str, ...]:
    """Names of the columns of figures."""
    names = (one.estimate.name for one in record.everyone.figures)
    return tuple(_SHORT.get(name, label(name)) for name in names)


def by_words(record: Subgroups) -> str:
    """`sex`, or of several findings `sex: pneumonia`."""
    return f"{record.attribute}: {record.of}" if record.of else record.attribute


def forest_figure(
    record: Subgroups, *, name: str, below: Sequence[ForestRow] = (), line: Estimate | None = None, words: str = ""
) -> PlotFigure | None:
    """AUROC of every group, all studies or the given rows below; None where no group is estimable.

    Args:
        record: The groups.
        name: Prefix of its ids, unique on the page.
        below: Summaries in place of all studies.
        line: Where the dashed line stands, in place of all studies.
        words: What the caption says of them.
    """
    if not any(estimable(one.figure(FOREST).estimate) for one in record.groups):
        return None
    overall = record.everyone.figure(FOREST).estimate
    everyone = ForestRow(name="All studies", below=_counts(record.everyone), estimate=overall, summary=True)
    shown = record.groups[:MOST_ROWS]
    rows = [_forest_row(one) for one in shown]
    more = len(record.groups) - len(shown)
    caption = (
        f"Left: a square is a group, larger where it tells more, with its {overall.level * 100:g} % interval. "
        f"Right, and in the second line of figures: the group less all other studies. "
        f"{words or 'The diamond and the dashed line are all studies.'} Below a name: studies with the finding, of all."
        + (f" {count(more, 'more group')} in the table." if more else "")
    )
    svg = forest_plot(
        [*rows, *(below or (everyone,))],
        overall=line or overall,
        axis=FOREST,
        described=f"Forest plot of AUROC by {by_words(record)}",
        name=name,
    )
    return PlotFigure(f"{FOREST} by {by_words(record)}", svg, caption)


def _row(one: Subgroup) -> GroupRow:
    notes = {figure.estimate.note for figure in one.figures}
    nothing = not any(estimable(figure.estimate) for figure in one.figures)
    return GroupRow(
        name=one.name,
        group=one,
        patients=count(one.patients, "patient"),
        shared=f"{one.shared_patients:,} also elsewhere" if one.shared_patients else "",
        prevalence=number(one.prevalence.value) if one.n else "–",
        cells=tuple(_cell(figure) for figure in one.figures),
        note=f"not estimable: {'; '.join(sorted(notes))}" if nothing else "",
    )


def _cell(one: Figure) -> Cell:
    estimate, contrast = one.estimate, one.contrast
    cell = Cell(
        value=number(estimate.value), interval=interval(estimate) or ("no interval" if estimable(estimate) else "")
    )
    if contrast is None:
        return cell
    difference = contrast.difference
    if not estimable(difference):
        return replace(cell, difference="no difference", difference_interval="estimable")
    said = number(difference.value)
    unsigned = said.lstrip("−")
    sign = "" if not float(unsigned) else "+" if unsigned == said else "−"
    return replace(
        cell,
        difference=f"{sign}{unsigned}",
        difference_interval=interval(difference),
        p=p_words(contrast.p_holm),
    )


def _forest_row(one: Subgroup) -> ForestRow:
    drawn = one.figure(FOREST)
    return ForestRow(
        name=one.name,
        below=_counts(one),
        estimate=drawn.estimate,
        difference=drawn.contrast.difference if drawn.contrast else None,
    )


def _counts(one: Subgroup) -> str:
    """Of how many studies how many have the finding."""
    return f"{one.events:,} of {one.n:,}"
