"""Clinical usefulness on the page: the decision curve with its band, and how many interventions are spared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from medtransfer.evaluation.prevalence import ASSUMPTION
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.plots import SIZE
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.svg import FIRST, INK, MUTED, SURFACE, Drawn, drawing, inline
from medtransfer.reporting.words import level, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from medtransfer.core.evaluated.curves import BandedCurve
    from medtransfer.core.evaluated.usefulness import Usefulness

_WIDTH = 1.25 * SIZE


def net_benefit_section(record: Usefulness, *, of: str = "", index: int = 0) -> Section:
    """The part of the page.

    Args:
        record: Of one finding.
        of: The finding, where there are several, and `index` its place among them.
        index: Tells their drawings apart.
    """
    levels = {level(one) for one in record.estimates if one.low is not None}
    name = f"net_benefit-{index}" if of else "net_benefit"
    made = section(
        "net_benefit",
        f"Clinical usefulness: {of}" if of else "Clinical usefulness",
        figures=tuple(_figures(record, name)),
        record=record,
        ranges=better_than_both(record),
        common_level=levels.pop() if len(levels) == 1 else "Interval",
        assumption=ASSUMPTION,
    )
    return replace(made, name=name)


def better_than_both(record: Usefulness) -> tuple[tuple[float, float], ...]:
    """Runs of thresholds at which the model does better than acting on everyone and than acting on no one."""
    curve = record.net_benefit
    better = [value > max(everyone, 0.0) + 1e-12 for value, everyone in zip(curve.y, record.treat_all.y, strict=True)]
    starts = [k for k, one in enumerate(better) if one and (k == 0 or not better[k - 1])]
    ends = [k for k, one in enumerate(better) if one and (k + 1 == len(better) or not better[k + 1])]
    return tuple((curve.x[a], curve.x[b]) for a, b in zip(starts, ends, strict=True))


def decision_curve(record: Usefulness, name: str = "net_benefit") -> Drawn:
    """Net benefit over thresholds, with its band, between acting on everyone and on no one."""
    curve, everyone = record.net_benefit, record.treat_all
    top = 1.12 * max(record.prevalence or 0.0, *curve.y, *curve.high[:1], 0.01)
    with drawing(_WIDTH, SIZE) as canvas:
        axes = _axes(canvas, record.threshold)
        axes.set_ylim(-0.22 * top, top)
        axes.axhline(0, color=INK, linewidth=1)
        behind = {"facecolor": SURFACE, "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
        below = {"ha": "right", "va": "top", "bbox": behind, "zorder": 4}
        axes.text(0.99, -0.02 * top, "acting on no one", color=INK, fontsize=9, **below)
        axes.plot(everyone.x, everyone.y, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        _name_treat_all(axes, everyone, top)
        _with_band(axes, curve)
        axes.set_ylabel("Net benefit")
        described = f"Decision curve at a prevalence of {number(record.prevalence)}"
        return inline(canvas, name=f"{name}-curve", described=described + _marked(record))


def avoided_curve(record: Usefulness, name: str = "net_benefit") -> Drawn:
    """Interventions avoided per 100 people, with their band."""
    curve = record.avoided
    with drawing(_WIDTH, SIZE) as canvas:
        axes = _axes(canvas, record.threshold)
        axes.set_ylim(-20, 100)
        axes.axhline(0, color=INK, linewidth=1)
        _with_band(axes, curve)
        axes.set_ylabel("Interventions avoided per 100")
        described = "Net interventions avoided per 100 people, against acting on everyone"
        return inline(canvas, name=f"{name}-avoided", described=described + _marked(record))


def _figures(record: Usefulness, name: str) -> Iterator[PlotFigure]:
    if not record.net_benefit.x:
        return
    band = " The band is pointwise, from whole patients drawn again." if record.net_benefit.low else ""
    dashed = "" if record.threshold is None else " The dashed vertical line is the operating threshold."
    yield PlotFigure(
        "Decision curve",
        decision_curve(record, name),
        "Acting by the model's probabilities (line), on everyone (grey) and on no one (zero), for those who act from a "
        f"risk of the threshold on.{band}{dashed}",
    )
    yield PlotFigure(
        "Interventions avoided",
        avoided_curve(record, name),
        "Against acting on everyone, at equal benefit to those with the finding. Below 0 it is better to act on "
        f"everyone.{band}",
    )


def _axes(canvas: Figure, threshold: float | None) -> Axes:
    axes = canvas.add_axes((0.17, 0.12, 0.81, 0.80))  # as wide as labels such as −0.025 need
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set_xlabel("Threshold: the risk from which one acts")
    if threshold is not None and 0 <= threshold <= 1:
        axes.axvline(threshold, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
        side = "left" if threshold < 0.15 else "right" if threshold > 0.85 else "center"
        axes.annotate(
            f"threshold {number(threshold)}",
            xy=(threshold, 1.0),
            xytext=(0, 4),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha=side,
            va="bottom",
            fontsize=9,
            color=INK,
        )
    return axes


def _with_band(axes: Axes, curve: BandedCurve) -> None:
    if curve.low:
        axes.fill_between(curve.x, curve.low, curve.high, color=FIRST, alpha=0.18, linewidth=0)
    axes.plot(curve.x, curve.y, color=FIRST, zorder=3)


def _name_treat_all(axes: Axes, everyone: BandedCurve, top: float) -> None:
    """Beside the line, where it crosses a tenth of the height below zero."""
    place = next((x for x, y in zip(everyone.x, everyone.y, strict=True) if y < -0.1 * top), None)
    if place is not None and place < 0.7:
        behind = {"facecolor": SURFACE, "edgecolor": "none", "pad": 1.0}
        axes.text(
            place + 0.02, -0.15 * top, "acting on everyone", color=MUTED, fontsize=9, va="center", bbox=behind, zorder=4
        )


def _marked(record: Usefulness) -> str:
    return "" if record.threshold is None else f"; dashed line: threshold {number(record.threshold)}"
