"""What went on in runs: validation epoch by epoch, and every term of the objective step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import altair as alt
import numpy as np
import pandas as pd

from apps.drawing import FIRST, MUTED, SECOND, SEVERAL
from apps.research.charts import Drawn
from apps.research.trained import AUROC, LOSS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import medtransfer as mt

HEIGHT: Final = 260
MOST_POINTS: Final = 400
"""Of a line; a longer one is averaged over equal stretches, as in the report."""


def epoch_rows(runs: Mapping[str, mt.Run]) -> pd.DataFrame:
    """Every epoch that was validated, as `history.csv` has it, epochs counted from 1."""
    rows = [
        {
            "run": name,
            "epoch": row.epoch + 1,
            "steps": row.steps,
            LOSS: row.validation_log_loss,
            AUROC: row.validation_auroc,
            "low": row.validation_auroc_low,
            "high": row.validation_auroc_high,
        }
        for name, run in runs.items()
        for row in run.history
        if row.validation_log_loss is not None
    ]
    columns = ["run", "epoch", "steps", LOSS, AUROC, "low", "high"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys([LOSS, AUROC, "low", "high"], "float64"))


def epochs_chart(rows: pd.DataFrame, figure: str, *, kept: Mapping[str, int]) -> Drawn:
    """A line a run; the epoch that was kept has the larger point.

    Args:
        rows: From `epoch_rows`.
        figure: `LOSS` or `AUROC`, which has a band where one run is drawn.
        kept: By run, from 1.
    """
    names = rows["run"].unique().tolist()
    rows = rows.assign(
        value=rows[figure], kept=[kept.get(run) == at for run, at in zip(rows["run"], rows["epoch"], strict=True)]
    )
    colour = alt.Color(
        "run:N",
        sort=names,
        scale=alt.Scale(domain=names, range=list(SEVERAL)),
        legend=alt.Legend(orient="bottom", title=None, labelLimit=300) if len(names) > 1 else None,
    )
    base = alt.Chart(rows).encode(
        x=alt.X("epoch:Q", title="Epoch", axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y("value:Q", title=figure, scale=alt.Scale(zero=False)),
        color=colour,
    )
    layers: list[alt.Chart] = []
    if figure == AUROC and len(names) == 1:
        layers.append(
            base.mark_area(fillOpacity=0.2).encode(y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q")
        )
    layers.append(base.mark_line(strokeWidth=2))
    layers.append(
        base.mark_circle(opacity=1).encode(
            size=alt.condition("datum.kept", alt.value(160), alt.value(45)),
            tooltip=[
                alt.Tooltip("run:N", title="Run"),
                alt.Tooltip("epoch:Q", title="Epoch"),
                alt.Tooltip("value:Q", title=figure, format=".4f"),
            ],
        )
    )
    return alt.layer(*layers).properties(height=HEIGHT)


def term_rows(course: mt.TermCourse) -> pd.DataFrame:
    """One term: `step`, `value` and `weight`, averaged over stretches where there are many steps."""
    parts = min(len(course.steps), MOST_POINTS)
    if not parts:
        return pd.DataFrame({"step": [], "value": [], "weight": []})
    named = {"step": course.steps, "value": course.values, "weight": course.weights}
    return pd.DataFrame({name: [part.mean() for part in np.array_split(of, parts)] for name, of in named.items()})


def term_chart(course: mt.TermCourse) -> alt.VConcatChart:
    """Its value at every step, what it was multiplied by, and once an epoch the norm of its gradient."""
    rows = term_rows(course)
    per_epoch = (course.steps[-1] + 1) / (course.epochs[-1] + 1) if len(course.epochs) and len(course.steps) else 1.0
    norms = pd.DataFrame({"step": (course.epochs + 1) * per_epoch, "gradient": course.gradients})
    last = float(course.steps[-1]) + 1 if len(course.steps) else 1.0
    x = alt.X("step:Q", title=None, scale=alt.Scale(domain=[0, last], nice=False), axis=alt.Axis(labels=False))
    below = alt.X("step:Q", title="Optimiser step", scale=alt.Scale(domain=[0, last], nice=False))

    # A weight is often the same at every step: without room above, its line lies under the edge of the drawing.
    most = float(rows["weight"].max())
    room = alt.Scale(domain=[0, 1.15 * most]) if most > 0 else alt.Scale()

    def strip(
        table: pd.DataFrame, field: str, title: str, *, colour: str, height: int, foot: bool, dots: bool
    ) -> alt.Chart:
        drawn = alt.Chart(table).mark_line(
            color=colour, strokeWidth=1.6, point={"color": colour, "size": 30} if dots else False
        )
        return drawn.encode(
            x=below if foot else x,
            y=alt.Y(
                f"{field}:Q",
                title=title,
                axis=alt.Axis(tickCount=3, minExtent=54),
                scale=room if field == "weight" else alt.Scale(),
            ),
            tooltip=[
                alt.Tooltip("step:Q", title="Step", format=".0f"),
                alt.Tooltip(f"{field}:Q", title=title, format=".4g"),
            ],
        ).properties(height=height, width="container")

    return alt.vconcat(
        strip(rows, "value", "Value", colour=FIRST, height=120, foot=False, dots=False),
        strip(rows, "weight", "Weight", colour=MUTED, height=60, foot=False, dots=False),
        strip(norms, "gradient", "Gradient", colour=SECOND, height=80, foot=True, dots=len(norms) <= 40),
        spacing=8,
    )
