"""Dot plots: a row a thing, its figure as a dot, its interval as a line, and behind it the band that chance gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from matplotlib.ticker import MaxNLocator

from medtransfer.core.inert import shortened
from medtransfer.reporting.svg import FIRST, INK, MUTED, SECOND, SURFACE, Drawn, drawing, inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS: Final = 40
"""More rows make no picture: the others stand in the table alone."""

WIDTH: Final = 5.2
_ROW: Final = 0.34
_NAMES, _FIGURES = 1.75, 1.3
_BOTTOM, _TOP = 0.55, 0.12
_LONGEST_NAME: Final = 21


@dataclass(frozen=True, kw_only=True)
class DotRow:
    """One row.

    Attributes:
        name: What the user calls it, or we.
        value: None where there is none, and `words` say why.
        words: To the right of it: the figure in words.
        low: Lower end of its interval.
        high: Upper end.
        band: What chance gives.
        marked: In the second colour, with another shape: colour is never the only cue.
        first: Drawn as a diamond, as the row that the others are compared with.
    """

    name: str
    value: float | None
    words: str
    low: float | None = None
    high: float | None = None
    band: tuple[float, float] | None = None
    marked: bool = False
    first: bool = False


def dot_plot(
    rows: Sequence[DotRow],
    *,
    name: str,
    axis: str,
    described: str,
    line: float | None = None,
    span: tuple[float, float] | None = None,
) -> Drawn:
    """One `<svg>`.

    Args:
        rows: From top to bottom, `MOST_ROWS` at most.
        name: Prefix of its ids, unique on the page.
        axis: Below.
        described: What is shown, for those who cannot see it.
        line: A dashed line: no difference, or chance.
        span: Of the axis; default: as far as the rows reach.
    """
    height = _BOTTOM + _TOP + _ROW * max(len(rows), 1)
    names = {f"dot-{i:02}": shortened(row.name, _LONGEST_NAME) for i, row in enumerate(rows)}
    names |= {f"said-{i:02}": row.words for i, row in enumerate(rows)}
    with drawing(WIDTH, height) as canvas:
        panel = (WIDTH - _NAMES - _FIGURES) / WIDTH
        axes = canvas.add_axes((_NAMES / WIDTH, _BOTTOM / height, panel, 1 - (_BOTTOM + _TOP) / height))
        low, high = span or _span(rows, line)
        axes.set(xlim=(low, high), ylim=(len(rows) - 0.5, -0.5))
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False, axis="y")
        if line is not None:
            axes.axvline(line, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.5)
        for place, row in enumerate(rows):
            _draw(axes, place, row)
        axes.set_xlabel(axis, fontsize=9)
        said = "; ".join(f"{row.name}: {row.words}" for row in rows)
        return inline(canvas, name=name, described=f"{described}. {said}", names=names)


def _draw(axes: Axes, place: int, row: DotRow) -> None:
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "clip_on": False}
    axes.text(-0.04, place, f"dot-{place:02}", fontsize=9, color=INK, ha="right", **beside)
    axes.text(1.04, place, f"said-{place:02}", fontsize=8, color=INK if row.value is not None else MUTED, **beside)
    if row.band is not None:
        axes.barh(place, row.band[1] - row.band[0], left=row.band[0], height=0.56, color=MUTED, alpha=0.22, zorder=1)
    if row.value is None:
        return
    if row.low is not None and row.high is not None:
        axes.plot([row.low, row.high], [place, place], color=INK, linewidth=1.2, zorder=2)
    shape: dict[str, Any] = {"marker": "D" if row.first else "s" if row.marked else "o", "markersize": 6.5}
    colour = SECOND if row.marked else INK if row.first else FIRST
    axes.plot([row.value], [place], color=colour, markeredgecolor=SURFACE, markeredgewidth=0.8, zorder=3, **shape)


def _span(rows: Sequence[DotRow], line: float | None) -> tuple[float, float]:
    """As far as dots, intervals and bands reach, with a margin."""
    ends = [end for row in rows for end in (row.value, row.low, row.high, *(row.band or ())) if end is not None]
    ends += [] if line is None else [line]
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    margin = max(0.01, 0.05 * (high - low))
    return (max(0.0, low - margin) if low >= 0 else low - margin), high + margin
