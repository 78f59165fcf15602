"""The four plots of an evaluation, each as one inline `<svg>`. What they show is said in their captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from medtransfer.core.inert import shortened
from medtransfer.core.results import CalibrationBin, Curve, Estimate
from medtransfer.reporting.svg import FIRST, GRID, INK, MUTED, SECOND, SURFACE, drawing, inline
from medtransfer.reporting.words import estimable, figure, has_interval, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 4.3
"""Width of every plot in inches; its text is set for a column of about 300 to 520 CSS pixels."""

_BINS = np.linspace(0.0, 1.0, 26)


def roc_plot(curve: Curve, *, auroc: Estimate | None, point: tuple[Estimate, Estimate] | None) -> str:
    """Sensitivity against false-positive fraction, with the diagonal of chance.

    Args:
        curve: x the false-positive fraction, y the sensitivity.
        auroc: For the description.
        point: Sensitivity and specificity at the operating point on these studies; both intervals are drawn.
    """
    with drawing(SIZE, SIZE) as canvas:
        axes = canvas.add_axes((0.13, 0.12, 0.84, 0.84))
        _unit_square(axes)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.66, 0.60, "chance", color=MUTED, fontsize=9, rotation=45, ha="center", va="center")
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
        return inline(canvas, name="roc", described=described)


def precision_recall_plot(
    curve: Curve, *, average_precision: Estimate | None, prevalence: float, point: tuple[float, float] | None
) -> str:
    """Precision against recall, with the prevalence as the line that a model without knowledge draws.

    Args:
        curve: x the recall, y the precision.
        average_precision: For the description.
        prevalence: Of the positive class among the evaluated studies, in [0, 1].
        point: Recall and precision at the operating point on these studies.
    """
    with drawing(SIZE, SIZE) as canvas:
        axes = canvas.add_axes((0.13, 0.12, 0.84, 0.84))
        _unit_square(axes)
        axes.axhline(prevalence, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(
            0.01,
            prevalence + (0.02 if prevalence < 0.9 else -0.02),
            f"prevalence {prevalence:.2f}",
            color=MUTED,
            fontsize=9,
            va="bottom" if prevalence < 0.9 else "top",
        )
        axes.plot(curve.x, curve.y, color=FIRST, clip_on=False)
        if point is not None:
            _mark_point(axes, *point)
        axes.set_xlabel("Recall (sensitivity)")
        axes.set_ylabel("Precision (positive predictive value)")
        summary = f", {figure(average_precision)}" if average_precision else ""
        described = f"Precision–recall curve{summary}; dashed line: prevalence {number(prevalence)}"
        return inline(canvas, name="pr", described=described)


def calibration_plot(bins: Sequence[CalibrationBin], *, scores: Mapping[str, Sequence[float]]) -> str:
    """Observed against predicted, with intervals, above a strip that shows where the predictions lie.

    Args:
        bins: Studies with similar probabilities.
        scores: All probabilities of the positive class, by true class; empty draws the bins' sizes instead.
    """
    with drawing(SIZE, SIZE + 0.75) as canvas:
        axes = canvas.add_axes((0.13, 0.29, 0.84, 0.84 * SIZE / (SIZE + 0.75) - 0.02))
        _unit_square(axes)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(0.80, 0.74, "perfect", color=MUTED, fontsize=9, rotation=45, ha="center", va="center")
        drawn = [b for b in bins if estimable(b.observed)]
        for b in drawn:
            if has_interval(b.observed):
                axes.plot([b.mean_probability] * 2, [b.observed.low or 0.0, b.observed.high or 0.0], **_WHISKER)
        axes.plot(
            [b.mean_probability for b in drawn],
            [b.observed.value or 0.0 for b in drawn],
            color=FIRST,
            linewidth=1.2,
            marker="o",
            markersize=5.5,
            markerfacecolor=FIRST,
            markeredgecolor=SURFACE,
            markeredgewidth=0.8,
            clip_on=False,
            zorder=3,
        )
        axes.tick_params(labelbottom=False)
        axes.set_ylabel("Observed fraction")
        strip = canvas.add_axes((0.13, 0.105, 0.84, 0.14))
        _strip(strip, bins, scores)
        strip.set_xlabel("Predicted probability")
        described = f"Calibration of {sum(b.n for b in bins)} studies in {len(bins)} groups; diagonal: perfect"
        return inline(canvas, name="calibration", described=described)


def score_plot(scores: Mapping[str, Sequence[float]], *, positive: str | None, threshold: float | None) -> str:
    """How the predicted probabilities are distributed in each true class, one row a class.

    Args:
        scores: Probability of the positive class by true class.
        positive: The positive class; its row stands first, in its own colour.
        threshold: Of the operating point, or None.
    """
    rows = sorted(scores, key=lambda name: name != positive)
    height = max(SIZE + 0.75, 1.0 + 1.15 * len(rows))
    names = {f"class-{i}": f"{shortened(name, 28)} (n = {len(scores[name]):,})" for i, name in enumerate(rows)}
    with drawing(SIZE, height) as canvas:
        bottom, top = 0.52 / height, 1 - 0.25 / height
        each = (top - bottom) / max(len(rows), 1)
        for i, name in enumerate(rows):
            axes = canvas.add_axes((0.13, top - (i + 1) * each, 0.84, each - 0.32 / height))
            share = 100 * np.histogram(scores[name], bins=_BINS)[0] / max(len(scores[name]), 1)
            colour = SECOND if name == positive else FIRST
            axes.stairs(share, _BINS, fill=True, color=colour, alpha=0.3)
            axes.stairs(share, _BINS, color=colour, linewidth=1.4)
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
                axes.set_xlabel("Predicted probability of the positive class")
        described = f"Distribution of predicted probabilities in {len(rows)} true classes"
        if threshold is not None:
            described += f"; dashed line: threshold {number(threshold)}"
        return inline(canvas, name="scores", described=described, names=names)


_WHISKER = {"color": INK, "linewidth": 1.1, "solid_capstyle": "butt", "clip_on": False, "zorder": 2.5}


def _unit_square(axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_yticks(np.linspace(0, 1, 6))


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


def _strip(axes: Axes, bins: Sequence[CalibrationBin], scores: Mapping[str, Sequence[float]]) -> None:
    """Counts of studies by probability: a histogram of the scores, or the bins' own sizes."""
    pooled = np.concatenate([np.asarray(s, dtype=float) for s in scores.values()]) if scores else np.empty(0)
    if pooled.size:
        axes.stairs(np.histogram(pooled, bins=_BINS)[0], _BINS, fill=True, color=MUTED, alpha=0.55)
    else:
        axes.bar([b.mean_probability for b in bins], [b.n for b in bins], width=0.03, color=MUTED, alpha=0.55)
    axes.set_xlim(0, 1)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_locator(_few_ticks(integer=True))
    axes.set_ylabel("Studies", color=INK)
    axes.grid(visible=False)
    axes.spines["bottom"].set_color(GRID)


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
