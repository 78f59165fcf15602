"""A learning-rate sweep as files: JSON, CSV, and one self-contained page with the curve and the suggestion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from matplotlib.ticker import FuncFormatter, NullFormatter

from medtransfer.core.files import write_text
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.page import render
from medtransfer.reporting.plots import SIZE
from medtransfer.reporting.svg import FIRST, MUTED, SECOND, Drawn, drawing, inline
from medtransfer.reporting.words import RESEARCH_USE
from medtransfer.training.learning_rate import Curve, Suggestion, smoothed

if TYPE_CHECKING:
    from medtransfer.core.config.plan import Plan

JSON_NAME: Final = "rates.json"
CSV_NAME: Final = "rates.csv"
HTML_NAME: Final = "rates.html"


def write_rates(curve: Curve, suggestion: Suggestion, *, plan: Plan, folder: Path) -> Path:
    """Write `rates.json`, `rates.csv` and `rates.html`; returns the path of the page.

    Raises:
        OutputError: They cannot be written.
    """
    rows = zip(curve.rates.tolist(), curve.losses.tolist(), smoothed(curve.losses).tolist(), strict=True)
    write_text(folder / CSV_NAME, "".join(["rate,loss,smoothed\n", *(f"{a!r},{b!r},{c!r}\n" for a, b, c in rows)]))
    write_text(folder / JSON_NAME, json.dumps(facts(suggestion), indent=2) + "\n")
    write_text(folder / HTML_NAME, render_rates(curve, suggestion, plan=plan))
    return folder / HTML_NAME


def facts(suggestion: Suggestion) -> dict[str, object]:
    """What a program wants to know of a sweep."""
    return {
        "schema_version": 1,
        "rate": suggestion.rate,
        "valley": suggestion.valley,
        "steepest": suggestion.steepest,
        "reason": suggestion.reason,
    }


def verdict(suggestion: Suggestion) -> str:
    """The suggestion in one sentence."""
    if suggestion.rate is None:
        return f"No rate can be suggested: {suggestion.reason}."
    also = f" {suggestion.reason[0].upper()}{suggestion.reason[1:]}." if suggestion.reason else ""
    return f"Suggested learning rate: {suggestion.rate:.2g}.{also}"


def render_rates(curve: Curve, suggestion: Suggestion, *, plan: Plan) -> str:
    """The page; equal sweeps give equal bytes."""
    sentence, _, rest = RESEARCH_USE.partition(". ")
    return render(
        "rates.html.j2",
        title="Learning rate",
        verdict=verdict(suggestion),
        research_use=(sentence, rest),
        facts=[
            ("Network", f"{plan.model.backbone}, weights {Path(plan.model.weights).name}"),
            ("Optimiser", plan.training.optimiser),
            ("Policy", f"{plan.policy.name}: what moves at the end of a run moves in the sweep"),
            ("The plan's own rate", f"{plan.training.learning_rate:g}"),
            ("Steps", f"{len(curve.rates)}, from {curve.rates[0]:.1e} to {curve.rates[-1]:.1e}"),
        ],
        plot=PlotFigure(
            "Loss against learning rate",
            rate_plot(curve, suggestion),
            "Grey: the objective at every step; blue: smoothed, which is what the suggestion is read from. The sweep "
            "ends where it explodes.",
            marked=suggestion.rate is not None,
        ),
    )


def rate_plot(curve: Curve, suggestion: Suggestion) -> Drawn:
    """The objective against the rate, on a logarithmic axis."""
    course = smoothed(curve.losses)
    with drawing(SIZE * 1.3, SIZE) as canvas:
        axes = canvas.add_axes((0.11, 0.12, 0.86, 0.84))
        axes.plot(curve.rates, curve.losses, color=MUTED, linewidth=0.8, alpha=0.6)
        axes.plot(curve.rates, course, color=FIRST)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        top = course[0] + 0.5 * abs(course[0])
        axes.set_ylim(min(0.0, float(course.min())), max(float(top), float(course[: max(1, len(course) // 2)].max())))
        if suggestion.rate is not None:
            at = int(abs(curve.rates - suggestion.rate).argmin())
            axes.plot([suggestion.rate], [course[at]], marker="o", markersize=8, color=SECOND, linestyle="none")
        axes.set_xlabel("Learning rate")
        axes.set_ylabel("Objective")
        return inline(canvas, name="rates", described=f"Objective against learning rate. {verdict(suggestion)}")
