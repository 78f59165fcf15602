"""The decision curve, and interventions avoided: behind a point stand those on whom one acts at its threshold alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from apps.research.charts import decision_chart
from apps.research.listed import Behind, draw_behind
from apps.research.picking import pick
from apps.text import plain

if TYPE_CHECKING:
    from typing import LiteralString

    import medtransfer as mt
    from apps.research.parts import Shown

REPLACES: Final = ("Decision curve", "Interventions avoided")
_BELOW: Final = 0.22
"""Of what lies above zero, so much is shown below."""
_AVOIDED: Final = (-20.0, 100.0)
"""Of a hundred people."""


def show(shown: Shown) -> None:
    """Both curves of the finding that the part is about."""
    name = shown.part.heading.partition(": ")[2] or next(iter(shown.evaluation.usefulness))
    record = shown.evaluation.usefulness[name]
    if not record.net_benefit.x:
        return
    behind: list[Behind | None] = []
    left, right = st.columns(2, gap="medium")
    with left:
        points = decision_points(shown.studies, name, record)
        span = benefit_span(record)
        behind.append(_curve(shown, name, points, heading=REPLACES[0], y="Net benefit", span=span))
    if record.avoided.x:
        with right:
            points = avoided_points(shown.studies, name, record)
            y = "Interventions avoided per 100"
            behind.append(_curve(shown, name, points, heading=REPLACES[1], y=y, span=_AVOIDED))
    draw_behind(behind)
    plain(
        "Behind a point are the studies that one acts on at its threshold and no longer at the next. What lies below "
        "the axis is in the table alone."
    )


def _curve(
    shown: Shown,
    name: str,
    points: pd.DataFrame,
    *,
    heading: LiteralString,
    y: LiteralString,
    span: tuple[float, float],
) -> Behind | None:
    record = shown.evaluation.usefulness[name]
    with st.container(border=True, height="stretch"):
        st.text(heading)
        at = pick(
            decision_chart(points, y=y, span=span, threshold=record.threshold),
            points,
            names={
                "x": "Threshold",
                "y": y,
                "low": "From",
                "high": "To",
                "everyone": "Acting on everyone",
                "studies": "Studies here",
            },
            key=f"{shown.key} {name} {heading}",
            clickable=shown.studies is not None,
            alt=heading,
        )
        shown.caption(heading)
        if at is None or shown.studies is None:
            return None
        low, high = points["x"][at], _next(points, at)
        until = "1" if high is None else f"below {high:.2f}"
        studies = shown.studies.between_thresholds(name, low, high)
        return Behind(studies, f"With a risk from {low:.2f} to {until}:", f"{shown.key} {name} {heading} decided")


def benefit_span(record: mt.Usefulness) -> tuple[float, float]:
    """Ends of the axis, as in the report: all that is above zero, and a fifth of that below it."""
    curve = record.net_benefit
    top = 1.12 * max(record.prevalence or 0.0, *curve.y, *curve.high[:1], 0.01)
    return -_BELOW * top, top


def decision_points(studies: mt.JudgedStudies | None, name: str, record: mt.Usefulness) -> pd.DataFrame:
    """The curves as they stand in the JSON, and how many studies lie between one threshold and the next."""
    return _points(studies, name, record.net_benefit).assign(everyone=record.treat_all.y)


def avoided_points(studies: mt.JudgedStudies | None, name: str, record: mt.Usefulness) -> pd.DataFrame:
    """Likewise of the interventions that are avoided."""
    return _points(studies, name, record.avoided)


def _points(studies: mt.JudgedStudies | None, name: str, curve: mt.BandedCurve) -> pd.DataFrame:
    band = {"low": curve.low, "high": curve.high} if curve.low else {}
    points = pd.DataFrame({"at": range(len(curve.x)), "x": curve.x, "y": curve.y, **band})
    if studies is None:
        return points.assign(studies=float("nan"))
    return points.assign(
        studies=[len(studies.between_thresholds(name, points["x"][at], _next(points, at))) for at in points["at"]]
    )


def _next(points: pd.DataFrame, at: int) -> float | None:
    return float(points["x"][at + 1]) if at + 1 < len(points) else None
