"""The plots of an evaluation, each as one inline `<svg>`. What they show is said in their captions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.ticker import MaxNLocator

from medtransfer.core.evaluated.curves import BandedCurve, Histogram
from medtransfer.core.inert import shortened
from medtransfer.core.results import Curve, Estimate
from medtransfer.reporting.svg import FIRST, INK, MUTED, SECOND, SURFACE, Drawn, drawing, inline
from medtransfer.reporting.words import estimable, figure, has_interval, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 4.3
"""Width of every plot in inches; its text is set for a column of about 300 to 520 CSS pixels."""

_BINS = np.linspace(0.0, 1.0, 26)


def roc_plot(
    curve: Curve | BandedCurve,
    *,
    auroc: Estimate | None,
    point: tuple[Estimate, Estimate] | None,
    name: str = "roc",
) -> Drawn:
    """Sensitivity against false-positive fraction with its band, and the diagonal of chance.

    Args:
        curve: x the false-positive fraction, y the sensitivity.
        auroc: For the description.
        point: Sensitivity and specificity at the operating point on these studies; both intervals are drawn.
        name: Unique on the page.
    """
    with drawing(SIZE, SIZE) as canvas:
        axes = canvas.add_axes((0.13, 0.12, 0.84, 0.84))
        _unit_square(axes)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.66, 0.60, "chance", color=MUTED, fontsize=9, rotation=45, ha="center", va="center")
        _band(axes, curve)
        axes.plot(curve.x, curve.y, color=FIRST, clip_on=False)
        if point is not None and estimable(point[0]) and estimable(point[1]):
            sensitivity, specificity = point
            x, y = 1 - (specificity.value or 0.0), sensitivity.value or 0.0
            if has_interval(specificity):
                axes.plot([1 - (specificity.high or 0.0), 1 - (specificity.low or 0.0)], [y, y], **_WHISKER)
            if has_interval(sensitivity):
                axes.plot([x, x], [sensitivity.low or 0.0, sensitivity.high or 0.0], **_WHISKER)
            _mark_point(axes, x, y)
        axes.set_xlabel("1 − specificity (false-positive fraction)")
        axes.set_ylabel("Sensitivity")
        described = f"ROC curve{f', {figure(auroc)}' if auroc else ''}; dashed diagonal: chance"
        return inline(canvas, name=name, described=described)


def precision_recall_plot(
    curve: Curve | BandedCurve,
    *,
    average_precision: Estimate | None,
    prevalence: float,
    point: tuple[float, float] | None,
    name: str = "pr",
) -> Drawn:
    """Precision against recall with its band, and the prevalence as the line that a model without knowledge draws.

    Args:
        curve: x the recall, y the precision, which holds down to the recall before.
        average_precision: For the description.
        prevalence: Of the positive class among the evaluated studies, in [0, 1].
        point: Recall and precision at the operating point on these studies.
        name: Unique on the page.
    """
    with drawing(SIZE, SIZE) as canvas:
        axes = canvas.add_axes((0.13, 0.12, 0.84, 0.84))
        _unit_square(axes)
        axes.axhline(prevalence, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(
            0.01,
            prevalence + (0.02 if prevalence < 0.9 else -0.02),
            f"prevalence {number(prevalence, 2 if prevalence >= 0.095 else 3)}",
            color=MUTED,
            fontsize=9,
            va="bottom" if prevalence < 0.9 else "top",
        )
        _band(axes, curve, step="pre")
        axes.plot((0.0, *curve.x), (*curve.y[:1], *curve.y), color=FIRST, drawstyle="steps-pre", clip_on=False)
        if point is not None:
            _mark_point(axes, *point)
        axes.set_xlabel("Recall (sensitivity)")
        axes.set_ylabel("Precision (positive predictive value)")
        summary = f", {figure(average_precision)}" if average_precision else ""
        described = f"Precision–recall curve{summary}; dashed line: prevalence {number(prevalence)}"
        return inline(canvas, name=name, described=described)


def histogram_plot(
    histogram: Histogram, *, positive: str | None, threshold: float | None, name: str = "scores"
) -> Drawn:
    """How the predicted probabilities are distributed in each true class, one row a class.

    Args:
        histogram: Of the probability of the positive class, by true class.
        positive: The positive class; its row stands first, in its own colour.
        threshold: Of the operating point, or None.
        name: Unique on the page.
    """
    rows = sorted(histogram.counts, key=lambda one: one != positive)
    sizes = [sum(histogram.counts[one]) for one in rows]
    height = max(SIZE + 0.75, 1.0 + 1.15 * len(rows))
    names = {f"class-{i}": f"{shortened(one, 28)} (n = {sizes[i]:,})" for i, one in enumerate(rows)}
    with drawing(SIZE, height) as canvas:
        bottom, top = 0.52 / height, 1 - 0.25 / height
        each = (top - bottom) / max(len(rows), 1)
        for i, one in enumerate(rows):
            axes = canvas.add_axes((0.13, top - (i + 1) * each, 0.84, each - 0.32 / height))
            share = 100 * np.array(histogram.counts[one]) / max(sizes[i], 1)
            colour = SECOND if one == positive else FIRST
            axes.stairs(share, np.array(histogram.edges), fill=True, color=colour, alpha=0.3)
            axes.stairs(share, np.array(histogram.edges), color=colour, linewidth=1.4)
            axes.set(xlim=(0, 1), ylim=(0, max(float(share.max(initial=0.0)) * 1.12, 1.0)))
            axes.grid(visible=False, axis="x")
            axes.yaxis.set_major_locator(_few_ticks(integer=True))
            axes.set_ylabel("% of class")
            axes.text(0.0, 1.03, f"class-{i}", transform=axes.transAxes, va="bottom", fontsize=10, color=INK)
            if threshold is not None and 0 <= threshold <= 1:
                axes.axvline(threshold, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
                if i == 0:
                    _name_threshold(axes, threshold)
            last = i == len(rows) - 1
            axes.tick_params(labelbottom=last)
            if last:
                axes.set_xlabel("Predicted probability")
        described = f"Distribution of predicted probabilities in {len(rows)} true classes"
        if threshold is not None:
            described += f"; dashed line: threshold {number(threshold)}"
        return inline(canvas, name=name, described=described, names=names)


_WHISKER = {"color": INK, "linewidth": 1.1, "solid_capstyle": "butt", "clip_on": False, "zorder": 2.5}


def _unit_square(axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_yticks(np.linspace(0, 1, 6))


def _band(axes: Axes, curve: Curve | BandedCurve, *, step: Literal["pre"] | None = None) -> None:
    """Where the curve has one."""
    if isinstance(curve, BandedCurve) and curve.low:
        x, low, high = curve.x, curve.low, curve.high
        if step:
            x, low, high = (0.0, *x), (low[0], *low), (high[0], *high)
        axes.fill_between(x, low, high, step=step, color=FIRST, alpha=0.18, linewidth=0)


def _mark_point(axes: Axes, x: float, y: float) -> None:
    axes.plot(
        [x],
        [y],
        marker="o",
        markersize=8,
        markerfacecolor=SECOND,
        markeredgecolor=SURFACE,
        markeredgewidth=1.2,
        linestyle="none",
        clip_on=False,
        zorder=4,
    )


def _name_threshold(axes: Axes, threshold: float) -> None:
    """Above the class's name, so that it covers neither name nor bars; turned inwards at the ends."""
    axes.annotate(
        f"threshold {number(threshold)}",
        xy=(threshold, 1.0),
        xytext=(0, 19),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        ha="left" if threshold < 0.15 else "right" if threshold > 0.85 else "center",
        va="bottom",
        fontsize=9,
        color=MUTED,
    )


def _few_ticks(*, integer: bool = False) -> MaxNLocator:
    return MaxNLocator(nbins=3, integer=integer, min_n_ticks=2)
