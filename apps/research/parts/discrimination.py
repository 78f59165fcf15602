"""ROC curve, precision and recall, spread of probabilities: behind a point stand those who are first called there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from apps.drawing import FIRST, SECOND
from apps.research.charts import bars_chart, curve_chart
from apps.research.listed import Behind, draw_behind
from apps.research.picking import pick
from apps.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import medtransfer as mt
    from apps.research.parts import Shown

REPLACES: Final = ("ROC curve", "Precision and recall", "Spread of probabilities")


def show(shown: Shown) -> None:
    """Both curves beside each other, the bars below."""
    finding = shown.finding()
    record = next(one for one in shown.evaluation.findings if one.of == finding)
    behind: list[Behind | None] = []
    left, right = st.columns(2, gap="medium")
    if record.roc is not None:
        with left:
            behind.append(_curve(shown, finding, recall=False))
    if record.precision_recall is not None:
        with right:
            behind.append(_curve(shown, finding, recall=True))
    draw_behind(behind)
    if record.n:
        _bars(shown, finding)


def _curve(shown: Shown, finding: str, *, recall: bool) -> Behind | None:
    record = next(one for one in shown.evaluation.findings if one.of == finding)
    curve = record.precision_recall if recall else record.roc
    if curve is None:
        return None
    x, y = ("Recall (sensitivity)", "Precision (positive predictive value)")
    if not recall:
        x, y = ("1 − specificity (false-positive fraction)", "Sensitivity")
    points = curve_points(shown.studies, finding, curve, recall=recall)
    share = next((one.value for one in record.estimates if one.name == "prevalence"), None)
    heading = f"{REPLACES[1] if recall else REPLACES[0]}{shown.of(finding)}"
    with st.container(border=True, height="stretch"):
        plain(heading)
        at = pick(
            curve_chart(points, x=x, y=y, level=share if recall else None, steps=recall),
            points,
            names={"threshold": "Threshold", "x": x, "y": y, "low": "From", "high": "To", "studies": "Studies here"},
            key=f"{shown.key} {finding} {'recall' if recall else 'roc'}",
            clickable=shown.studies is not None,
            alt=heading,
        )
        shown.caption(heading)
        if at is None or shown.studies is None:
            return None
        threshold = points["threshold"].iloc[at]
        said = "At this point no study is called positive:" if pd.isna(threshold) else _said(threshold, at)
        studies = shown.studies.on_curve(finding, curve, at, recall=recall)
        return Behind(studies, said, f"{shown.key} {finding} {recall} studies")


def curve_points(studies: mt.JudgedStudies | None, of: str, curve: mt.BandedCurve, *, recall: bool) -> pd.DataFrame:
    """The curve as it stands in the JSON; beside it thresholds and numbers of studies, where those are known."""
    table = {"at": range(len(curve.x)), "x": curve.x, "y": curve.y}
    if curve.low:
        table |= {"low": curve.low, "high": curve.high}
    points = pd.DataFrame(table)
    threshold, behind = [None] * len(points), [None] * len(points)
    if studies is not None:
        threshold = [studies.threshold_at(of, curve, at, recall=recall) for at in range(len(points))]
        behind = [studies.count_on_curve(of, curve, at, recall=recall) for at in range(len(points))]
    return points.assign(
        threshold=pd.array(threshold, dtype="Float64").to_numpy(dtype="float64", na_value=float("nan")),
        studies=pd.array(behind, dtype="Float64").to_numpy(dtype="float64", na_value=float("nan")),
    )


def _said(threshold: float, at: int) -> str:
    since = "" if at == 0 else ", and not at the point before it"
    return f"Called positive from a probability of {threshold:.3f} on{since}:"


def _bars(shown: Shown, finding: str) -> None:
    record = next(one for one in shown.evaluation.findings if one.of == finding)
    heading, point = f"{REPLACES[2]}{shown.of(finding)}", shown.evaluation.operating_point
    threshold = point.threshold if point is not None and point.positive == finding else None
    counted = sorted(record.histogram.counts.items(), key=lambda entry: entry[0] != finding)
    tables = {name: bar_rows(record.histogram.edges, counts) for name, counts in counted}
    highest = max((table["share"].max() for table in tables.values()), default=1.0)
    with st.container(border=True):
        plain(heading)
        behind: list[Behind | None] = []
        for column, (name, bars) in zip(st.columns(max(len(tables), 1), gap="medium"), tables.items(), strict=True):
            with column:
                behind.append(_class(shown, finding, name, bars, highest=highest, threshold=threshold))
        draw_behind(behind)
        shown.caption(heading)


def bar_rows(edges: Sequence[float], counts: Sequence[int]) -> pd.DataFrame:
    """A row a bar, its share in per cent of the class."""
    share = [100 * count / max(sum(counts), 1) for count in counts]
    return pd.DataFrame(
        {"at": range(len(counts)), "low": edges[:-1], "high": edges[1:], "share": share, "studies": counts}
    )


def _class(
    shown: Shown, finding: str, name: str, bars: pd.DataFrame, *, highest: float, threshold: float | None
) -> Behind | None:
    is_finding = name == finding
    plain(f"{name} (n = {bars['studies'].sum():,})")
    at = pick(
        bars_chart(bars, colour=SECOND if is_finding else FIRST, highest=highest, threshold=threshold),
        bars,
        names={"low": "From", "high": "To", "share": "% of class", "studies": "Studies"},
        key=f"{shown.key} {finding} {is_finding} bars",
        clickable=shown.studies is not None,
        alt="How the probabilities of this class are spread",
    )
    if at is None or shown.studies is None:
        return None
    low, high = float(bars["low"][at]), float(bars["high"][at])
    last = at == len(bars) - 1
    studies = shown.studies.between(finding, low, None if last else high, truth=is_finding)
    said = f"{name}, with a probability from {low:.3f} to {high:.3f}:"
    return Behind(studies, said, f"{shown.key} {finding} {is_finding} studies in a bar")
