"""Forests of subgroups: behind a square stand the studies of its group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from apps.research.forests import draw_forest
from apps.text import printable

if TYPE_CHECKING:
    from apps.research.parts import Shown

REPLACES: Final = ("",)
"""All forests of the report: each figure is drawn once, and the differences stand in the table below."""


def show(shown: Shown) -> None:
    """One attribute after the other can be chosen."""
    records = shown.evaluation.subgroups
    place = st.selectbox(
        "By",
        range(len(records)),
        format_func=lambda at: printable(" · ".join(filter(None, [records[at].attribute, records[at].of]))),
        key=f"{shown.key} attribute",
    )
    draw_forest(shown, records[place], key=f"{shown.key} subgroups {place}")
