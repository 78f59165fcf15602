"""Forest plots: a row a group, its figure on the left, on the right how far that is from all other studies.

Squares are as large as the group's information, 1/variance on the logit scale; the whole is a line from top to bottom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any, Final

from matplotlib.ticker import MaxNLocator

from medtransfer.core.inert import shortened
from medtransfer.reporting.svg import FIRST, INK, MUTED, SECOND, SURFACE, Drawn, drawing, inline
from medtransfer.reporting.words import estimable, figure, has_interval, interval, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from medtransfer.core.results import Estimate

MOST_ROWS: Final = 40
"""More rows make no picture: the others stand in the table alone."""

WIDTH: Final = 5.85
"""Inches; more than the other plots', for the names to the left and the figures to the right."""

_ROW: Final = 0.42
_NAMES, _PANEL, _GAP = 1.16, 1.32, 0.26
_BOTTOM, _TOP = 0.62, 0.12
_LONGEST_NAME: Final = 17
_LARGEST: Final = 90.0
_SMALLEST: Final = 7.0
"""Areas of squares, in square points."""

_SMALL: Final[dict[str, Any]] = {"fontsize": 8, "color": MUTED, "va": "center"}


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """One line of the plot.

    Attributes:
        name: What the user calls it, or we.
        below: Small, below the name: counts.
        estimate: Drawn as a square with its interval; not estimable ones say why.
        difference: From all other studies; None for a summary.
        summary: Drawn as a diamond that spans its interval.
        reach: Ends of a prediction interval, drawn beneath the diamond.
    """

    name: str
    below: str
    estimate: Estimate
    difference: Estimate | None = None
    summary: bool = False
    reach: tuple[float, float] | None = None


def forest_plot(rows: Sequence[ForestRow], *, overall: Estimate, axis: str, described: str, name: str) -> Drawn:
    """One `<svg>`.

    Args:
        rows: From top to bottom, `MOST_ROWS` at most.
        overall: The dashed line, where it is estimable.
        axis: Name of the figure, below.
        described: What is shown, for those who cannot see it.
        name: Prefix of its ids, unique on the page.
    """
    height = _BOTTOM + _TOP + _ROW * len(rows)
    names = {f"row-{i:02}": shortened(row.name, _LONGEST_NAME) for i, row in enumerate(rows)}
    largest = max((_information(row.estimate) for row in rows if not row.summary), default=0.0) or 1.0
    with drawing(WIDTH, height) as canvas:
        figures, differences = (
            canvas.add_axes(
                (start / WIDTH, _BOTTOM / height, _PANEL / WIDTH, 1 - (_BOTTOM + _TOP) / height),
            )
            for start in (_NAMES, _NAMES + _PANEL + _GAP)
        )
        _scaled(figures, _span([*_ends(row.estimate for row in rows), *_ends([overall]), *_reaches(rows)], 0.0), rows)
        _scaled(differences, _span([0.0, *_ends(row.difference for row in rows if row.difference)], -1.0), rows)
        figures.set_zorder(differences.get_zorder() + 1)  # why a row is not estimable runs over both
        differences.axvline(0.0, color=MUTED, linewidth=1, zorder=1)
        if overall.value is not None and estimable(overall):
            figures.axvline(overall.value, color=SECOND, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
        for place, row in enumerate(rows):
            _label(figures, place, f"row-{place:02}", row.below)
            if estimable(row.estimate):
                _mark(figures, place, row, _information(row.estimate) / largest)
                _difference(differences, place, row)
                _figures(differences, place, row)
            else:
                figures.text(0.02, place, _reason(row.estimate), transform=figures.get_yaxis_transform(), **_REASON)
        figures.set_xlabel(axis, fontsize=9)
        differences.set_xlabel("Less that of the rest", fontsize=9)
        said = "; ".join(f"{row.name}: {figure(row.estimate)}" for row in rows)
        return inline(canvas, name=name, described=f"{described}. {said}", names=names)


_REASON: Final[dict[str, Any]] = {
    **_SMALL,
    "bbox": {"facecolor": SURFACE, "edgecolor": "none", "pad": 1.0},
    "clip_on": False,
    "zorder": 5,
}


def _scaled(axes: Axes, span: tuple[float, float], rows: Sequence[ForestRow]) -> None:
    axes.set(xlim=span, ylim=(len(rows) - 0.5, -0.5))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=2))
    axes.tick_params(labelsize=8)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")


def _label(axes: Axes, place: int, stand_in: str, below: str) -> None:
    left: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False}
    x = -_NAMES / _PANEL + 0.02
    axes.text(x, place - 0.16, stand_in, fontsize=9, color=INK, va="center", **left)
    axes.text(x, place + 0.22, below, **_SMALL, **left)


def _mark(axes: Axes, place: int, row: ForestRow, information: float) -> None:
    one, value = row.estimate, row.estimate.value or 0.0
    low, high = (one.low, one.high) if one.low is not None and one.high is not None else (value, value)
    if row.reach is not None:
        axes.plot(row.reach, [place + 0.3] * 2, color=MUTED, linewidth=1.1, marker="|", markersize=5, zorder=2)
    if row.summary:
        axes.fill([low, value, high, value], [place, place - 0.2, place, place + 0.2], color=SECOND, zorder=3)
        return
    axes.plot([low, high], [place, place], color=INK, linewidth=1.1, zorder=2.5)
    area = max(_SMALLEST, _LARGEST * information)
    axes.scatter([value], [place], s=area, marker="s", color=FIRST, edgecolors=SURFACE, linewidths=0.6, zorder=3)


def _difference(axes: Axes, place: int, row: ForestRow) -> None:
    one = row.difference
    if one is None or one.value is None or one.low is None or one.high is None:
        return
    axes.plot([one.low, one.high], [place, place], color=INK, linewidth=1.1, zorder=2.5)
    axes.plot([one.value], [place], marker="o", markersize=4.5, color=FIRST, markeredgecolor=SURFACE, zorder=3)


def _figures(axes: Axes, place: int, row: ForestRow) -> None:
    right: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False, "va": "center"}
    two = row.difference is not None and has_interval(row.difference)
    axes.text(1.05, place - (0.16 if two else 0.0), _words(row.estimate), fontsize=8, color=INK, **right)
    if two and row.difference is not None:
        axes.text(1.05, place + 0.22, _words(row.difference), fontsize=8, color=MUTED, **right)


def _ends(estimates: Iterable[Estimate]) -> list[float]:
    return [end for one in estimates for end in (one.low, one.value, one.high) if end is not None]


def _reaches(rows: Sequence[ForestRow]) -> list[float]:
    return [end for row in rows if row.reach for end in row.reach]


def _span(ends: Sequence[float], least: float) -> tuple[float, float]:
    """From the lowest end to the highest, with a margin, within `least` and 1."""
    if not ends:
        return 0.0, 1.0
    margin = max(0.02, 0.06 * (max(ends) - min(ends)))
    return max(least, min(ends) - margin), min(1.0, max(ends) + margin)


def _information(one: Estimate) -> float:
    """1/variance on the logit scale, up to a constant, from the interval."""
    if not estimable(one) or one.low is None or one.high is None:
        return 0.0
    low, high = (min(max(end, 1e-3), 1 - 1e-3) for end in (one.low, one.high))
    width = log(high / (1 - high)) - log(low / (1 - low))
    return 1 / width**2 if width > 0 else 0.0


def _words(one: Estimate) -> str:
    return f"{number(one.value)} ({interval(one)})" if has_interval(one) else f"{number(one.value)}, no interval"


def _reason(one: Estimate) -> str:
    return f"not estimable: {one.note.split(';')[0]}" if one.note else "not estimable"
