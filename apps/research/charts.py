"""Charts that can be clicked. Each has one selection, called `point`, whose value `at` is a row of its table.

Names of the user's own reach a chart as values of its table alone: Vega draws those as text.
"""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from apps.drawing import ALARM, FIRST, MUTED, ON_FIELD, SECOND, STRONG

Drawn = alt.LayerChart | alt.FacetChart
POINT: Final = "point"
SQUARE: Final = 380
"""Pixels; of a chart's height."""
BAR: Final = 150
_UNIT: Final = alt.Scale(domain=[0, 1])
_FEW: Final = alt.Axis(tickCount=5)


def curve_chart(points: pd.DataFrame, *, x: str, y: str, level: float | None, steps: bool) -> Drawn:
    """A curve in the unit square with its band, and a line to compare it with.

    Args:
        points: `at`, `x`, `y`, `threshold`, `studies`, and `low` and `high` where there is a band.
        x: Name of the axis; `y` likewise.
        y: Name of the other.
        level: Height of the dashed line; None: the diagonal.
        steps: The value holds back to the point before.
    """
    shape: Any = "step-before" if steps else "linear"
    base = alt.Chart(points).encode(x=_unit("x", x), y=_unit("y", y), order="at:Q")
    ends = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0] if level is None else [level, level]})
    compared = alt.Chart(ends).mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1).encode(x="x:Q", y="y:Q")
    layers = [compared]
    if "low" in points:
        band = alt.Chart(points).mark_area(color=FIRST, fillOpacity=0.2, interpolate=shape)
        layers.append(band.encode(x=_unit("x", x), y=_unit("low", y), y2="high:Q"))
    layers.append(base.mark_line(color=FIRST, interpolate=shape, strokeWidth=2))
    layers.append(_dots(base, ["threshold:Q", "x:Q", "y:Q", "studies:Q"], ["Threshold", x, y, "Studies here"]))
    return alt.layer(*layers).properties(height=SQUARE)


def bars_chart(bars: pd.DataFrame, *, colour: str, highest: float, threshold: float | None) -> Drawn:
    """How the probabilities of one class are spread, shares in per cent.

    Args:
        bars: `at`, `low`, `high`, `share`, `studies`.
        colour: Of the class.
        highest: End of the axis, the same for all classes.
        threshold: Dashed, where there is one.
    """
    chosen = _chosen()
    base = alt.Chart(bars).encode(
        x=alt.X("low:Q", title="Predicted probability", scale=_UNIT, axis=alt.Axis(tickCount=5))
    )
    drawn = base.mark_rect(color=colour, stroke=MUTED, cursor="pointer").encode(
        x2="high:Q",
        y=alt.Y("share:Q", title="% of class", axis=alt.Axis(tickCount=3), scale=alt.Scale(domain=[0, highest or 1])),
        y2=alt.Y2Datum(0),
        strokeWidth=alt.condition(chosen, alt.value(3), alt.value(0)),
        tooltip=_tips(["low:Q", "high:Q", "studies:Q"], ["From", "To", "Studies"]),
    )
    layers: list[alt.Chart] = [drawn.add_params(chosen)]
    if threshold is not None:
        layers.append(_upright(threshold))
    return alt.layer(*layers).properties(height=BAR)


def reliability_chart(groups: pd.DataFrame, curve: pd.DataFrame) -> Drawn:
    """Groups of studies with their intervals, the smooth curve with its band, and the diagonal.

    Args:
        groups: `at`, `x`, `y`, `studies`, and `low` and `high`, which may be missing.
        curve: `x`, `y`, `low` and `high`; may be empty.
    """
    x, y = "Predicted probability", "Observed fraction"
    base = alt.Chart(groups).encode(x=_unit("x", x), y=_unit("y", y))
    ends = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})
    layers = [alt.Chart(ends).mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1).encode(x="x:Q", y="y:Q")]
    if len(curve):
        smooth = alt.Chart(curve).encode(x="x:Q")
        if "low" in curve:
            layers.append(smooth.mark_area(color=FIRST, fillOpacity=0.2).encode(y="low:Q", y2="high:Q"))
        layers.append(smooth.mark_line(color=FIRST, strokeWidth=2).encode(y="y:Q"))
    layers.append(base.mark_rule(color=MUTED).encode(y="low:Q", y2="high:Q"))
    layers.append(_dots(base, ["x:Q", "y:Q", "studies:Q"], [x, y, "Studies"], size=90))
    return alt.layer(*layers).properties(height=SQUARE)


def decision_chart(points: pd.DataFrame, *, y: str, span: tuple[float, float], threshold: float | None) -> Drawn:
    """What acting by the model brings over thresholds, with its band; grey: acting on everyone, zero: on no one.

    Args:
        points: `at`, `x`, `y`, `studies`, and `everyone`, `low` and `high` where there are any.
        y: Name of the axis.
        span: Its ends. What lies beyond is not drawn: far below zero, it matters not how far.
        threshold: Dashed, where there is one.
    """
    x, points = "Threshold: the risk from which one acts", within(points, span)
    scale = alt.Scale(domain=list(span), nice=False)
    base = alt.Chart(points).encode(x=_unit("x", x), y=alt.Y("y:Q", title=y, scale=scale))
    layers = [alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(color=MUTED).encode(y=alt.Y("y:Q", scale=scale))]
    if "everyone" in points:
        grey = base.mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1.5)
        layers.append(grey.encode(y=alt.Y("everyone:Q", title=y, scale=scale)))
    if "low" in points:
        band = base.mark_area(color=FIRST, fillOpacity=0.2)
        layers.append(band.encode(y=alt.Y("low:Q", title=y, scale=scale), y2="high:Q"))
    layers.append(base.mark_line(color=FIRST, strokeWidth=2))
    if threshold is not None:
        layers.append(_upright(threshold))
    layers.append(_dots(base, ["x:Q", "y:Q", "studies:Q"], ["Threshold", y, "Studies here"]))
    return alt.layer(*layers).properties(height=SQUARE)


def within(points: pd.DataFrame, span: tuple[float, float]) -> pd.DataFrame:
    """The points with what lies outside of the axis taken out; a band is cut at its ends."""
    low, high = span
    lines = [name for name in ("y", "everyone") if name in points]
    cut = points.assign(**{name: points[name].where(points[name].between(low, high)) for name in lines})
    if "low" not in points:
        return cut
    seen = (points["high"] > low) & (points["low"] < high)
    return cut.assign(**{end: points[end].clip(low, high).where(seen) for end in ("low", "high")})


def forest_chart(rows: pd.DataFrame, *, axis: str, overall: float | None) -> Drawn:
    """A row a group: its figure with its interval; dashed: all studies.

    Args:
        rows: `at`, `name`, `value`, `low`, `high`, `studies`, `events`; values may be missing.
        axis: Name of the figure.
        overall: Where the dashed line stands.
    """
    known = rows.dropna(subset=["value"])
    ends = [*known["low"].dropna(), *known["high"].dropna(), *known["value"]]
    span = [max(0.0, min(ends, default=0.0) - 0.03), min(1.0, max(ends, default=1.0) + 0.03)]
    scale = alt.Scale(domain=span, nice=False)
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", sort=rows["name"].tolist(), title=None, axis=alt.Axis(labelLimit=220)),
        x=alt.X("value:Q", title=axis, scale=scale, axis=_FEW),
    )
    layers = [base.mark_rule(color=MUTED).encode(x=alt.X("low:Q", title=axis, scale=scale, axis=_FEW), x2="high:Q")]
    if overall is not None:
        line = alt.Chart(pd.DataFrame({"value": [overall]})).mark_rule(color=SECOND, strokeDash=[5, 4])
        layers.append(line.encode(x=alt.X("value:Q", title=axis, scale=scale, axis=_FEW)))
    tips = _tips(
        ["name:N", "value:Q", "low:Q", "high:Q", "studies:Q", "events:Q"],
        ["Group", axis, "From", "To", "Studies", "With the finding"],
    )
    chosen = _chosen()
    dots = base.mark_square(color=FIRST, size=120, opacity=1, cursor="pointer").encode(
        size=alt.condition(chosen, alt.value(260), alt.value(110)), tooltip=tips
    )
    return alt.layer(*layers, dots.add_params(chosen)).properties(height=max(120, 36 * len(rows) + 50))


def confusion_chart(cells: pd.DataFrame) -> Drawn:
    """Decisions by truth, a field each.

    Args:
        cells: `at`, `truth`, `call`, `studies`, `what`, `is_right`.
    """
    chosen = _chosen()
    base = alt.Chart(cells).encode(
        tooltip=_tips(["truth:N", "call:N", "what:N", "studies:Q"], ["Truth", "Decision", "That is a", "Studies"]),
        x=alt.X(
            "call:N",
            sort=cells["call"].unique().tolist(),
            title=None,
            axis=alt.Axis(orient="top", labelAngle=0, labelLimit=200),
        ),
        y=alt.Y("truth:N", sort=cells["truth"].unique().tolist(), title=None, axis=alt.Axis(labelLimit=200)),
    )
    field = base.mark_rect(cornerRadius=6, stroke=MUTED, cursor="pointer").encode(
        color=alt.Color(
            "is_right:N",
            legend=None,
            scale=alt.Scale(domain=[True, False], range=[STRONG, ALARM]),
        ),
        strokeWidth=alt.condition(chosen, alt.value(5), alt.value(0)),
    )
    number = base.mark_text(fontSize=26, color=ON_FIELD, cursor="pointer", dy=-6).encode(
        text=alt.Text("studies:Q", format=",d")
    )
    word = base.mark_text(fontSize=12, color=ON_FIELD, cursor="pointer", dy=18).encode(text="what:N")
    return alt.layer(field.add_params(chosen), number, word).properties(height=260)


def _unit(field: str, title: str) -> Any:
    """A field between 0 and 1 along its axis."""
    kind = alt.X if field == "x" else alt.Y
    return kind(f"{field}:Q", title=title, scale=_UNIT, axis=alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1]))


def _chosen(*, nearest: bool = False) -> alt.Parameter:
    return alt.selection_point(name=POINT, fields=["at"], on="click", nearest=nearest, empty=False, toggle=False)


def _upright(x: float) -> alt.Chart:
    """A dashed line from top to bottom."""
    line = alt.Chart(pd.DataFrame({"x": [x]})).mark_rule(color=MUTED, strokeDash=[5, 4])
    return line.encode(x=alt.X("x:Q", scale=_UNIT))


def _dots(base: alt.Chart, fields: list[str], titles: list[str], *, size: int = 26) -> alt.Chart:
    """The points of a curve. The nearest one to the click is taken, since they are small."""
    chosen = _chosen(nearest=True)
    return (
        base.mark_circle(color=FIRST, opacity=1, cursor="pointer")
        .encode(
            size=alt.condition(chosen, alt.value(5 * size), alt.value(size)),
            color=alt.condition(chosen, alt.value(SECOND), alt.value(FIRST)),
            tooltip=_tips(fields, titles),
        )
        .add_params(chosen)
    )


def _tips(fields: list[str], titles: list[str]) -> list[alt.Tooltip]:
    kinds = {"studies:Q": ",d", "events:Q": ",d"}
    return [
        alt.Tooltip(field, title=title, format=kinds.get(field, ".3f"))
        if field.endswith(":Q")
        else alt.Tooltip(field, title=title)
        for field, title in zip(fields, titles, strict=True)
    ]
