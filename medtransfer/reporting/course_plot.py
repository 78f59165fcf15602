"""Figures from period to period, one strip below the other on a common axis of time, with their control limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from matplotlib.ticker import MaxNLocator

from medtransfer.reporting.svg import FIRST, GRID, INK, MUTED, SECOND, SURFACE, Drawn, drawing, inline
from medtransfer.reporting.words import label, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from medtransfer.core.evaluated.drift import Course, OverTime

WIDTH: Final = 5.2
_STRIP, _GAP, _COUNTS = 1.15, 0.3, 0.5
_BOTTOM, _TOP = 0.62, 0.28
_MOST_TICKS: Final = 8


def course_plot(record: OverTime, *, name: str) -> Drawn:
    """One `<svg>`: a strip a figure, and at the foot how many studies each period has.

    Args:
        record: With at least one period.
        name: Prefix of its ids, unique on the page.
    """
    strips = len(record.courses)
    height = _BOTTOM + _TOP + strips * _STRIP + strips * _GAP + _COUNTS
    places = list(range(len(record.periods)))
    with drawing(WIDTH, height) as canvas:
        top = height - _TOP
        for course in record.courses:
            axes = canvas.add_axes((0.12, (top - _STRIP) / height, 0.86, _STRIP / height))
            _strip(axes, course, places)
            top -= _STRIP + _GAP
        axes = canvas.add_axes((0.12, _BOTTOM / height, 0.86, _COUNTS / height))
        axes.bar(places, [period.studies for period in record.periods], width=0.7, color=MUTED, alpha=0.45)
        axes.set_xlim(-0.6, len(places) - 0.4)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True, min_n_ticks=2))
        axes.grid(visible=False)
        axes.spines["bottom"].set_color(GRID)
        axes.set_title("Studies", fontsize=9, loc="left", color=INK, pad=3)
        _name_periods(axes, record, places)
        return inline(canvas, name=name, described=_described(record))


def _strip(axes: Axes, course: Course, places: list[int]) -> None:
    known = [(place, one) for place, one in zip(places, course.estimates, strict=True) if one.value is not None]
    bands = [
        (place, low, high)
        for place, low, high in zip(places, course.low, course.high, strict=False)
        if low is not None and high is not None
    ]
    for place, low, high in bands:
        axes.fill_between([place - 0.5, place + 0.5], low, high, color=MUTED, alpha=0.2, linewidth=0, zorder=1)
    if course.centre is not None:
        axes.axhline(course.centre, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.5)
    for place, one in known:
        if one.low is not None and one.high is not None:
            axes.plot([place, place], [one.low, one.high], color=INK, linewidth=1.0, zorder=2)
    axes.plot([p for p, _ in known], [one.value or 0.0 for _, one in known], color=FIRST, linewidth=1.2, zorder=2.2)
    for place, one in known:
        out = one_is_out(course, place)
        axes.plot(
            [place],
            [one.value or 0.0],
            marker="s" if out else "o",
            markersize=6.0 if out else 4.5,
            color=SECOND if out else FIRST,
            markeredgecolor=SURFACE,
            markeredgewidth=0.7,
            zorder=3,
        )
    if not known:
        axes.text(
            0.5, 0.5, "not estimable", transform=axes.transAxes, fontsize=9, color=MUTED, ha="center", va="center"
        )
        axes.set_yticks([])
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.tick_params(labelbottom=False)
    if known:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=2))
    axes.set_xticks([])
    axes.set_title(label(course.figure), fontsize=9, loc="left", color=INK, pad=3)


def one_is_out(course: Course, place: int) -> bool:
    """Whether the period at this place lies beyond its limits."""
    if place >= len(course.low):
        return False
    value, low, high = course.estimates[place].value, course.low[place], course.high[place]
    return value is not None and low is not None and high is not None and not low <= value <= high


def _name_periods(axes: Axes, record: OverTime, places: list[int]) -> None:
    """Not every one: names must not run into each other."""
    step = -(-len(places) // _MOST_TICKS)
    axes.set_xticks(places[::step], [period.name for period in record.periods[::step]])
    if len(places) > 4:
        axes.tick_params(axis="x", rotation=30)
        for text in axes.get_xticklabels():
            text.set_horizontalalignment("right")


def _described(record: OverTime) -> str:
    first, last = record.periods[0].name, record.periods[-1].name
    parts = []
    for course in record.courses:
        values = [one.value for one in course.estimates if one.value is not None]
        if values:
            out = f", outside its limits in {', '.join(course.outside)}" if course.outside else ""
            parts.append(f"{label(course.figure)} from {number(min(values))} to {number(max(values))}{out}")
    return f"From {first} to {last}: {'; '.join(parts)}"
