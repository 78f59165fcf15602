"""The plots of a run, each as one inline `<svg>`: every term along the way, and the validation log-loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64
from matplotlib.ticker import MaxNLocator

from medtransfer.reporting.plots import SIZE
from medtransfer.reporting.svg import FIRST, INK, MUTED, SECOND, Drawn, drawing, inline
from medtransfer.reporting.training_log import TermCourse
from medtransfer.reporting.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 400
"""A curve has no more: a longer run is averaged over equal stretches."""


def term_plot(course: TermCourse, *, name: str) -> Drawn:
    """A term's unweighted value along the run, and below it the norm of its gradient once an epoch.

    Args:
        course: The term.
        name: Prefix of ids, unique on the page.
    """
    with drawing(SIZE, 3.6) as canvas:
        above = canvas.add_axes((0.16, 0.50, 0.80, 0.44))
        x, y = thinned(course.steps, course.values)
        above.plot(x, y, color=FIRST, linewidth=1.3)
        above.set_ylabel("Value")
        below = canvas.add_axes((0.16, 0.13, 0.80, 0.26))
        per_epoch = (course.steps[-1] + 1) / (course.epochs[-1] + 1) if len(course.epochs) else 1.0
        at, norms = thinned((course.epochs + 1) * per_epoch, course.gradients)
        below.plot(
            at, norms, color=SECOND, linewidth=1.3, marker="o" if len(at) <= 40 else "", markersize=3, clip_on=False
        )
        below.set_ylabel("Gradient")
        below.set_xlabel("Optimiser step")
        for axes in (above, below):
            _frame(axes, float(course.steps[-1]) + 1)
        above.tick_params(labelbottom=False)
        described = f"Term {course.name}: {number(course.values[0])} at first, {number(course.values[-1])} at the end"
        return inline(canvas, name=name, described=described)


def validation_plot(steps: Sequence[int], losses: Sequence[float], *, best: int | None) -> Drawn:
    """Validation log-loss after each epoch; the best epoch is marked.

    Args:
        steps: Done at the end of each epoch.
        losses: One an epoch.
        best: Which one was kept.
    """
    with drawing(SIZE, 3.0) as canvas:
        axes = canvas.add_axes((0.16, 0.17, 0.80, 0.76))
        axes.plot(steps, losses, color=FIRST, linewidth=1.5, marker="o", markersize=3)
        if best is not None:
            axes.plot([steps[best]], [losses[best]], marker="o", markersize=8, color=SECOND, linestyle="none", zorder=4)
        _frame(axes, float(steps[-1]))
        axes.set_xlabel("Optimiser step")
        axes.set_ylabel("Validation log-loss", color=INK)
        described = f"Validation log-loss after each of {len(losses)} epochs"
        return inline(canvas, name="validation", described=described)


def thinned(
    x: Float64[np.ndarray, " point"], y: Float64[np.ndarray, " point"]
) -> tuple[Float64[np.ndarray, " few"], Float64[np.ndarray, " few"]]:
    """At most a few hundred points: means over equal stretches."""
    parts = min(len(x), _POINTS)
    if parts == 0:
        return x, y
    return (
        np.array([part.mean() for part in np.array_split(x, parts)]),
        np.array([part.mean() for part in np.array_split(y, parts)]),
    )


def _frame(axes: Axes, end: float) -> None:
    axes.set_xlim(0, end)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.grid(visible=False, axis="x")
    axes.spines["bottom"].set_color(MUTED)
