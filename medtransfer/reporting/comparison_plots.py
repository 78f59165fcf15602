"""Differences from the reference, one row a model, as one inline `<svg>` a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from matplotlib.ticker import MaxNLocator

from medtransfer.core.inert import shortened
from medtransfer.reporting.comparison_words import estimate_of
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.plots import SIZE
from medtransfer.reporting.svg import FIRST, INK, MUTED, SECOND, SURFACE, Drawn, drawing, inline
from medtransfer.reporting.words import estimable, has_interval, interval, label, level, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from medtransfer.core.evaluated.comparison import Comparison, Difference

_ROW: Final = 0.55
"""Inches a model."""


def difference_figures(comparison: Comparison) -> Iterator[PlotFigure]:
    """A drawing of every figure that has an interval, the primary one first."""
    first_method: dict[str, list[Difference]] = {}
    for one in comparison.differences:
        rows = first_method.setdefault(one.metric, [])
        if one.model not in {row.model for row in rows}:
            rows.append(one)
    for place, (metric, rows) in enumerate(first_method.items()):
        if any(has_interval(estimate_of(one)) for one in rows):
            primary = metric == comparison.metric
            svg = difference_plot(rows, name=f"difference-{place}")
            heading = f"{label(rows[0].name)}{' (primary)' if primary else ''}"
            yield PlotFigure(heading, svg, _caption(rows))


def difference_plot(rows: Sequence[Difference], *, name: str) -> Drawn:
    """Point and interval of each model's difference, with the line of no difference and that of the margin.

    Args:
        rows: Of one figure.
        name: Prefix of ids, unique on the page.
    """
    height = 1.15 + _ROW * len(rows)
    names = {f"row-{i}": _row_words(one) for i, one in enumerate(rows)}
    names["the-axis"] = f"Difference in {shortened(label(rows[0].name), 28)}"
    with drawing(SIZE, height) as canvas:
        axes = canvas.add_axes((0.05, 0.62 / height, 0.90, 1 - 0.97 / height))
        for i, one in enumerate(rows):
            _draw_row(axes, one, y=len(rows) - 1 - i, text=f"row-{i}")
        axes.set_ylim(-0.35, len(rows) - 0.5)
        axes.margins(x=0.08)
        axes.autoscale_view(scaley=False)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.set_xlabel("the-axis")
        sides = ["favours the reference", "favours the model"]
        left, right = sides if rows[0].better == "higher" else sides[::-1]
        axes.text(0.0, 1.02, f"← {left}", transform=axes.transAxes, ha="left", va="bottom", fontsize=8.5, color=MUTED)
        axes.text(1.0, 1.02, f"{right} →", transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5, color=MUTED)
        described = f"Differences in {label(rows[0].name)}: {'; '.join(names[f'row-{i}'] for i in range(len(rows)))}"
        return inline(canvas, name=name, described=described, names=names)


def _draw_row(axes: Axes, one: Difference, *, y: int, text: str) -> None:
    """The lines of no difference and of the margin end below the words."""
    axes.text(0.0, y + 0.29, text, transform=axes.get_yaxis_transform(), fontsize=9, color=INK, va="center")
    axes.plot([0, 0], [y - 0.35, y + 0.14], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    if asked := one.non_inferiority:
        place = -asked.margin if one.better == "higher" else asked.margin
        axes.plot([place] * 2, [y - 0.35, y + 0.14], color=SECOND, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
    if one.value is None:
        return
    if one.low is not None and one.high is not None:
        axes.plot([one.low, one.high], [y, y], color=INK, linewidth=1.3)
    axes.plot(
        [one.value],
        [y],
        marker="s",
        markersize=7,
        markerfacecolor=FIRST,
        markeredgecolor=SURFACE,
        markeredgewidth=0.9,
        linestyle="none",
        zorder=3,
    )


def _row_words(one: Difference) -> str:
    estimate = estimate_of(one)
    if not estimable(estimate):
        return f"{shortened(one.model, 20)}: not estimable"
    ends = f" ({interval(estimate)})" if has_interval(estimate) else ""
    return f"{shortened(one.model, 18)}: {number(one.value)}{ends}"


def _caption(rows: Sequence[Difference]) -> str:
    first = rows[0]
    parts = [
        f"Each model less {first.reference}, {level(estimate_of(first))}; {first.method}.",
        "Less is better." if first.better == "lower" else "",
        f"The dotted line is the margin of {first.non_inferiority.margin:g}." if first.non_inferiority else "",
    ]
    return " ".join(filter(None, parts))
