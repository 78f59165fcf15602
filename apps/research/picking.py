"""A chart in which one point can be chosen: by a click, or, without a mouse, in the table of the same points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.research.charts import POINT

if TYPE_CHECKING:
    import pandas as pd

    from apps.research.charts import Drawn


def pick(chart: Drawn, table: pd.DataFrame, *, key: str, clickable: bool, alt: str) -> int | None:
    """Draw both; which row of the table is chosen, the chart's choice first.

    Args:
        chart: With the selection `point`, whose `at` is a row of the table.
        table: The points.
        key: Of the widgets.
        clickable: Whether there is anything behind the points.
        alt: What is drawn, for those who cannot see it.
    """
    if not clickable:
        st.altair_chart(chart, width="stretch", alt=alt)
        with st.expander("The same as a table"):
            st.dataframe(table, hide_index=True)
        return None
    clicked: Any = st.altair_chart(
        chart, width="stretch", key=f"{key} chart", on_select="rerun", selection_mode=POINT, alt=alt
    )
    with st.expander("The same as a table, to choose from by keyboard"):
        rows: Any = st.dataframe(
            table, hide_index=True, key=f"{key} table", on_select="rerun", selection_mode="single-row"
        )
    return chosen(clicked, rows, len(table))


def chosen(clicked: Any, rows: Any, size: int) -> int | None:
    """Which row was chosen in either; what no longer fits the table is none."""
    points = clicked["selection"].get(POINT) or []
    found = [point.get("at") for point in points if isinstance(point, dict)] + list(rows["selection"]["rows"])
    return next((int(at) for at in found if isinstance(at, int | float) and 0 <= at < size), None)
