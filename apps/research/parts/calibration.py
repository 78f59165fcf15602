"""The reliability curve: behind a point stand the studies of its group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from apps.research.charts import reliability_chart
from apps.research.listed import draw_studies
from apps.research.picking import pick
from apps.text import plain

if TYPE_CHECKING:
    from typing import LiteralString

    import medtransfer as mt
    from apps.research.parts import Shown

REPLACES: Final = ("Reliability",)
_NAMES: Final[dict[str, LiteralString]] = {
    "x": "Mean probability",
    "y": "Observed fraction",
    "low": "From",
    "high": "To",
    "studies": "Studies",
}


def show(shown: Shown) -> None:
    """One finding."""
    finding = shown.finding()
    record = next((one for one in _records(shown.evaluation.calibration) if one.of == finding), None)
    if record is None or not record.bins:
        return
    when = ", after recalibration" if shown.evaluation.uncalibrated is not None else ""
    heading = f"Reliability{shown.of(finding)}{when}"
    groups = group_points(record)
    before = next((one for one in _records(shown.evaluation.uncalibrated) if one.of == finding), None)
    drawn, beside = st.columns(2, gap="medium")
    with drawn, st.container(border=True, height="stretch"):
        plain(heading)
        at = pick(
            reliability_chart(groups, _smooth(record)),
            groups,
            names=_NAMES,
            key=f"{shown.key} {finding} reliability",
            clickable=shown.studies is not None,
            alt=heading,
        )
        if before is not None:
            shown.caption(heading, until="Below, which share")
    with beside:
        if before is not None:
            _before(shown, before, f"Reliability{shown.of(finding)}, before recalibration")
        else:
            shown.caption(heading, until="Below, which share")
        if at is not None and shown.studies is not None:
            said = f"Mean probability {groups['x'][at]:.3f}, observed fraction {groups['y'][at]:.3f}:"
            draw_studies(shown.studies.in_bin(finding, at), said, key=f"{shown.key} {finding} group")
        elif shown.studies is not None:
            st.caption("Choose a point to list its studies.")


def _before(shown: Shown, record: mt.Calibration, heading: str) -> None:
    """Nothing is listed behind its points: its probabilities are not those of the table."""
    groups = group_points(record)
    with st.container(border=True):
        plain(heading)
        pick(
            reliability_chart(groups, _smooth(record)),
            groups,
            names=_NAMES,
            key=f"{shown.key} {record.of} before",
            clickable=False,
            alt=heading,
        )
        shown.caption(heading)


def group_points(record: mt.Calibration) -> pd.DataFrame:
    """The groups as they stand in the JSON."""
    return pd.DataFrame(
        {
            "at": range(len(record.bins)),
            "x": [one.mean_probability for one in record.bins],
            "y": pd.Series([one.observed.value for one in record.bins], dtype="float64"),
            "low": pd.Series([one.observed.low for one in record.bins], dtype="float64"),
            "high": pd.Series([one.observed.high for one in record.bins], dtype="float64"),
            "studies": [one.n for one in record.bins],
        }
    )


def _smooth(record: mt.Calibration) -> pd.DataFrame:
    curve = record.smooth.curve
    if curve is None:
        return pd.DataFrame()
    band = {"low": curve.low, "high": curve.high} if curve.low else {}
    return pd.DataFrame({"x": curve.x, "y": curve.y, **band})


def _records(found: object) -> tuple[mt.Calibration, ...]:
    if found is None:
        return ()
    return getattr(found, "findings", None) or (found,)  # pyright: ignore[reportReturnType]
