"""The decision curve: behind a point stand those on whom one acts at its threshold, and not at the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from apps.research.charts import decision_chart
from apps.research.listed import draw_studies
from apps.research.picking import pick
from apps.text import plain

if TYPE_CHECKING:
    import medtransfer as mt
    from apps.research.parts import Shown

REPLACES: Final = ("Decision curve",)


def show(shown: Shown) -> None:
    """The curve of the finding that the part is about."""
    name = shown.part.heading.partition(": ")[2] or next(iter(shown.evaluation.usefulness))
    record = shown.evaluation.usefulness[name]
    if not record.net_benefit.x:
        return
    points = decision_points(shown.studies, name, record)
    with st.container(border=True):
        st.text(REPLACES[0])
        at = pick(
            decision_chart(points, y="Net benefit", threshold=record.threshold),
            points,
            key=f"{shown.key} {name} decision",
            clickable=shown.studies is not None,
            alt="Decision curve",
        )
        shown.caption(REPLACES[0])
        if at is not None and shown.studies is not None:
            low, high = points["x"][at], _next(points, at)
            until = "1" if high is None else f"below {high:.2f}"
            draw_studies(
                shown.studies.between_thresholds(name, low, high),
                f"With a risk from {low:.2f} to {until}:",
                key=f"{shown.key} {name} decided",
            )
        else:
            plain("Behind a point are the studies that one acts on at its threshold and no longer at the next.")


def decision_points(studies: mt.JudgedStudies | None, name: str, record: mt.Usefulness) -> pd.DataFrame:
    """The curves as they stand in the JSON, and how many studies lie between one threshold and the next."""
    curve = record.net_benefit
    band = {"low": curve.low, "high": curve.high} if curve.low else {}
    points = pd.DataFrame(
        {"at": range(len(curve.x)), "x": curve.x, "y": curve.y, "everyone": record.treat_all.y, **band}
    )
    if studies is None:
        return points.assign(studies=float("nan"))
    return points.assign(
        studies=[len(studies.between_thresholds(name, points["x"][at], _next(points, at))) for at in points["at"]]
    )


def _next(points: pd.DataFrame, at: int) -> float | None:
    return float(points["x"][at + 1]) if at + 1 < len(points) else None
