"""A forest: a row a group, and behind each its studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

import medtransfer as mt
from apps.research.charts import forest_chart
from apps.research.listed import draw_studies
from apps.research.picking import pick
from apps.text import plain, printable

if TYPE_CHECKING:
    from apps.research.parts import Shown

LONGEST: Final = 60
"""Characters of a group's name in the chart; its list of studies has the whole."""


def draw_forest(shown: Shown, record: mt.Subgroups, *, key: str, sites: bool = False) -> None:
    """One attribute; the figure is chosen, AUROC first."""
    names = [one.estimate.name for one in record.everyone.figures]
    if not names:
        return
    figure = st.selectbox("Figure", names, key=f"{key} figure") if len(names) > 1 else names[0]
    rows = forest_rows(record, figure)
    overall = record.everyone.figure(figure).estimate.value
    heading = f"{figure} by {record.attribute}{f': {record.of}' if record.of else ''}"
    with st.container(border=True):
        plain(heading)
        at = pick(
            forest_chart(rows, axis=figure, overall=overall),
            rows,
            names={
                "name": "Group",
                "value": "Figure",
                "low": "From",
                "high": "To",
                "studies": "Studies",
                "events": "With the finding",
            },
            key=f"{key} {figure}",
            clickable=shown.studies is not None,
            alt="A figure of each group, with its interval",
        )
        st.caption("A square is a group with its interval; the dashed line is all studies.")
        for name, note in zip(rows["name"], rows["note"], strict=True):
            if note:
                plain(f"{name}: {note}")
        if at is not None and shown.studies is not None:
            of, name = record.of or shown.evaluation.findings[0].of, record.groups[at].name
            try:
                studies = (
                    shown.studies.at_site(of, name) if sites else shown.studies.in_group(of, record.attribute, name)
                )
            except (mt.MedTransferError, KeyError):
                st.text("The studies of this group cannot be told: evaluate the predictions again.")
                return
            draw_studies(studies, f"{record.attribute} {name}:", key=f"{key} group")


def forest_rows(record: mt.Subgroups, figure: str) -> pd.DataFrame:
    """The groups as they stand in the JSON; `note` where a figure cannot be estimated."""
    found = [one.figure(figure).estimate for one in record.groups]
    return pd.DataFrame(
        {
            "at": range(len(found)),
            "name": _told_apart([printable(one.name)[:LONGEST] for one in record.groups]),
            "value": pd.Series([one.value for one in found], dtype="float64"),
            "low": pd.Series([one.low for one in found], dtype="float64"),
            "high": pd.Series([one.high for one in found], dtype="float64"),
            "studies": [one.n for one in record.groups],
            "events": [one.events for one in record.groups],
            "note": [f"not estimable: {one.note}" if one.value is None else "" for one in found],
        }
    )


def _told_apart(names: list[str]) -> list[str]:
    """Two groups never fall into one row, however much of their names is cut."""
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)]
