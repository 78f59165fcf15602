"""The reliability curve: observed against predicted, above a strip that shows where the predictions lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from medtransfer.reporting.plots import SIZE
from medtransfer.reporting.svg import FIRST, GRID, INK, MUTED, SECOND, SURFACE, Drawn, drawing, inline
from medtransfer.reporting.words import count, estimable, figure, has_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from medtransfer.core.evaluated.calibration import Calibration
    from medtransfer.core.evaluated.curves import Histogram


def reliability_plot(record: Calibration, *, name: str = "calibration") -> Drawn:
    """Smooth curve with its band, groups of studies with their intervals, and the diagonal of perfect probabilities.

    Args:
        record: Of one finding.
        name: Unique on the page.
    """
    height = SIZE + 1.0
    with drawing(SIZE, height) as canvas:
        axes = canvas.add_axes((0.13, 0.32, 0.84, 0.84 * SIZE / height - 0.02))
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.80, 0.74, "perfect", color=MUTED, fontsize=9, rotation=45, ha="center", va="center")
        _curve(axes, record)
        _groups(axes, record)
        axes.tick_params(labelbottom=False)
        axes.set_ylabel("Observed fraction")
        strip = canvas.add_axes((0.13, 0.095, 0.84, 0.185))
        if record.histogram is not None:
            _strip(strip, record.histogram, record.of)
        strip.set_xlabel("Predicted probability")
        described = (
            f"Reliability of {count(record.n_studies, 'study', 'studies')} in {len(record.bins)} groups, "
            f"{figure(record.slope)}; diagonal: perfect"
        )
        return inline(canvas, name=name, described=described)


def _curve(axes: Axes, record: Calibration) -> None:
    curve = record.smooth.curve
    if curve is None:
        return
    if curve.low:
        axes.fill_between(curve.x, curve.low, curve.high, color=FIRST, alpha=0.18, linewidth=0)
    axes.plot(curve.x, curve.y, color=FIRST, clip_on=False, zorder=2.2)


def _groups(axes: Axes, record: Calibration) -> None:
    for one in record.bins:
        if estimable(one.observed):
            if has_interval(one.observed):
                ends = [one.observed.low or 0.0, one.observed.high or 0.0]
                axes.plot([one.mean_probability] * 2, ends, color=INK, linewidth=1.0, clip_on=False, zorder=2.5)
            axes.plot(
                [one.mean_probability],
                [one.observed.value or 0.0],
                marker="o",
                markersize=5,
                markerfacecolor=SURFACE,
                markeredgecolor=INK,
                markeredgewidth=1.1,
                linestyle="none",
                clip_on=False,
                zorder=3,
            )


def _strip(axes: Axes, histogram: Histogram, of: str) -> None:
    """Studies with the finding upwards, those without it downwards, as shares: the rarer side is seen, too."""
    edges, top = np.array(histogram.edges), 1.0
    for name, counts in histogram.counts.items():
        up = name == of
        share = 100 * np.array(counts) / max(sum(counts), 1)
        top = max(top, float(share.max()))
        axes.stairs(share * (1 if up else -1), edges, fill=True, color=SECOND if up else MUTED, alpha=0.6)
    axes.set_ylim(-1.4 * top, 1.4 * top)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True, min_n_ticks=2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
    axes.set_ylabel("% of class")
    axes.grid(visible=False)
    axes.spines["bottom"].set_color(GRID)
    axes.text(0.99, 0.96, "with", color=INK, fontsize=8.5, transform=axes.transAxes, ha="right", va="top")
    axes.text(0.99, 0.04, "without", color=INK, fontsize=8.5, transform=axes.transAxes, ha="right", va="bottom")
