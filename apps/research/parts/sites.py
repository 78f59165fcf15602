"""The forest of sites: behind a square stand the studies of its site."""

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
    """The sites of one finding."""
    records, place = shown.evaluation.sites, 0
    if len(records) > 1:
        place = st.selectbox(
            "Finding",
            range(len(records)),
            format_func=lambda at: printable(records[at].of or ""),
            key=f"{shown.key} site finding",
        )
    draw_forest(shown, records[place].by_site, key=f"{shown.key} sites {place}", sites=True)
