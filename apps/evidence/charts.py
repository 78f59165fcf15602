"""Pictures of the evidence: numbers and our own words only, told apart by shape and never by colour alone.

The browser draws them from the app's own server: nothing is asked of anywhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt

from apps.drawing import FIRST, MUTED, SECOND

if TYPE_CHECKING:
    import medtransfer as mt

MOST_TICKS: Final = 300
"""Studies of a row that are drawn; of more, as many evenly from the lowest to the highest."""

HAD, MAY, NOT = "had it", "may have had it", "did not"

_SIDE: Final = 10
_AXIS: Final[Any] = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], format=".1f", grid=False)
_UNIT: Final[Any] = alt.Scale(domain=[0, 1])
_ROWS: Final[Any] = alt.Axis(ticks=False, domain=False, grid=False, labelOverlap=False)


def dots(low: int, high: int) -> alt.Chart:
    """A hundred people, row by row: so many surely, so many within the interval, and the others."""
    kinds = [HAD] * low + [MAY] * (high - low) + [NOT] * (100 - high)
    people = [{"x": i % _SIDE, "y": i // _SIDE, "who": kind} for i, kind in enumerate(kinds)]

    def scale(*looks: Any) -> alt.Scale:
        return alt.Scale(domain=[HAD, MAY, NOT], range=list(looks))

    return (
        alt.Chart(alt.Data(values=people))
        .mark_point(stroke=FIRST, strokeWidth=1.5, opacity=1)
        .encode(
            x=alt.X("x:O", axis=None),
            y=alt.Y("y:O", axis=None),
            shape=alt.Shape("who:N", scale=scale("square", "triangle-up", "circle"), legend=None),
            fill=alt.Fill("who:N", scale=scale(FIRST, "transparent", "transparent"), legend=None),
            size=alt.Size("who:N", scale=scale(110, 75, 20), legend=None),
        )
        .properties(width=200, height=200, description=f"Of 100 people, {low} at least and {high} at most.")
    )


def strip(scored: mt.ScoredStudies | None, probability: float, threshold: float | None) -> alt.LayerChart:
    """All scored studies along the probability, those with the finding above those without, and this one below."""
    rows = ["With it", "Without it", "This study"]
    y = alt.Y("row:N", sort=rows, title=None, axis=_ROWS)
    x = alt.X("p:Q", scale=_UNIT, axis=_AXIS, title="Probability")
    ticks = [] if scored is None else [*_ticks(scored, rows[0], present=True), *_ticks(scored, rows[1], present=False)]
    layers: list[alt.Chart] = []
    if ticks:
        studies = alt.Chart(alt.Data(values=ticks))
        layers.append(studies.mark_tick(color=FIRST, thickness=1).encode(x=x, y=y))
    if threshold is not None:
        rule = alt.Chart(alt.Data(values=[{"p": min(threshold, 1.0)}]))
        layers.append(rule.mark_rule(color=SECOND, strokeDash=[5, 4], strokeWidth=1.5).encode(x=x))
    own = alt.Chart(alt.Data(values=[{"p": probability, "row": rows[2]}]))
    layers.append(own.mark_point(shape="diamond", size=150, filled=True, color=SECOND, opacity=1).encode(x=x, y=y))
    described = f"Probability {probability:.2f}" + ("" if threshold is None else f", operating point {threshold:.2f}")
    return alt.LayerChart(layer=layers).properties(height=150 if ticks else 110, description=described)


def roc(place: mt.RocPlace, point: mt.RocPlace | None) -> alt.LayerChart:
    """Sensitivity against false-positive rate, with the place of this study and of the operating point, if any."""
    x = alt.X("x:Q", scale=_UNIT, axis=_AXIS, title="1 − specificity")
    y = alt.Y("y:Q", scale=_UNIT, axis=_AXIS, title="Sensitivity")
    corners = [{"x": a, "y": b, "n": n} for n, (a, b) in enumerate(zip(place.curve.x, place.curve.y, strict=True))]
    line = alt.Chart(alt.Data(values=corners)).mark_line(color=FIRST).encode(x=x, y=y, order="n:Q")
    chance = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    names = ["This study", "Operating point"]
    marks = [{**_at(one), "what": name} for name, one in zip(names, (place, point), strict=True) if one is not None]
    shapes = alt.Scale(domain=names[: len(marks)], range=["diamond", "square"][: len(marks)])
    filled = alt.Scale(domain=names[: len(marks)], range=[SECOND, "transparent"][: len(marks)])
    dot = (
        alt.Chart(alt.Data(values=marks))
        .mark_point(size=150, stroke=SECOND, strokeWidth=2, opacity=1)
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("what:N", sort=names, scale=shapes, legend=None),
            fill=alt.Fill("what:N", sort=names, scale=filled, legend=None),
        )
    )
    diagonal = chance.mark_line(color=MUTED, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y)
    described = "ROC curve with the place of this study; dashed diagonal: chance."
    return alt.LayerChart(layer=[diagonal, line, dot]).properties(height=300, description=described)


def _ticks(scored: mt.ScoredStudies, row: str, *, present: bool) -> list[dict[str, Any]]:
    found = [p for p, there in zip(scored.probabilities, scored.present, strict=True) if there is present]
    if len(found) > MOST_TICKS:
        found = [found[round(i * (len(found) - 1) / (MOST_TICKS - 1))] for i in range(MOST_TICKS)]
    return [{"p": p, "row": row} for p in found]


def _at(place: mt.RocPlace) -> dict[str, float]:
    return {"x": 1 - (place.specificity.value or 0.0), "y": place.sensitivity.value or 0.0}
