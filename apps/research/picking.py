"""A chart in which one point can be chosen: by a click, or, without a mouse, in the table of the same points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import streamlit as st

from apps.drawing import draw_chart
from apps.research.charts import POINT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import LiteralString

    from apps.research.charts import Drawn

NOT_KNOWN: Final = "–"
"""In a cell of which nothing is known."""


def pick(
    chart: Drawn, table: pd.DataFrame, *, names: Mapping[str, LiteralString], key: str, clickable: bool, alt: str
) -> int | None:
    """Draw both; which row of the table is chosen, the chart's choice first.

    Args:
        chart: With the selection `point`, whose `at` is a row of the table.
        table: The points.
        names: What the columns of the table are called, those that are shown.
        key: Of the widgets.
        clickable: Whether there is anything behind the points.
        alt: What is drawn, for those who cannot see it.
    """
    shown, looks = in_words(table, names)
    if not clickable:
        draw_chart(chart, alt=alt)
        with st.expander("The same as a table"):
            st.dataframe(shown, hide_index=True, column_config=looks, placeholder=NOT_KNOWN)
        return None
    clicked = draw_chart(chart, key=f"{key} chart", on_select="rerun", selection_mode=POINT, alt=alt)
    with st.expander("The same as a table, to choose from by keyboard"):
        rows: Any = st.dataframe(
            shown,
            hide_index=True,
            column_config=looks,
            placeholder=NOT_KNOWN,
            key=f"{key} table",
            on_select="rerun",
            selection_mode="single-row",
        )
    return chosen(clicked, rows, len(table))


def in_words(table: pd.DataFrame, names: Mapping[str, LiteralString]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Those columns that are named and of which something is known, under their names, and how each is written."""
    known = [name for name in names if name in table and table[name].notna().any()]
    shown = table[known].rename(columns=names)
    numbers = {names[name] for name in known if pd.api.types.is_numeric_dtype(table[name])}
    whole = {name for name in numbers if (shown[name].dropna() % 1 == 0).all()}
    looks = {name: st.column_config.NumberColumn(format="%d" if name in whole else "%.3f") for name in numbers}
    return shown, looks


def chosen(clicked: Any, rows: Any, size: int) -> int | None:
    """Which row was chosen in either; what no longer fits the table is none."""
    points = clicked["selection"].get(POINT) or []
    found = [point.get("at") for point in points if isinstance(point, dict)] + list(rows["selection"]["rows"])
    return next((int(at) for at in found if isinstance(at, int | float) and 0 <= at < size), None)
