"""Runs as rows, of which some are chosen: what is the same in all of them is said once, and takes no column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import streamlit as st

from apps.research.tables import draw_rows, without_same
from apps.research.trained import LOSS
from apps.text import plain, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import medtransfer as mt
    from apps.research.trained import Headline

MOST_COMPARED: Final = 8
"""Runs whose lines are drawn together; more colours cannot be told apart."""

SETTINGS: Final = ("State", "Backbone", "Weights", "λ", "Terms", "Policy")
_DIGITS: Final = {LOSS: st.column_config.NumberColumn(format="%.3g")}


def choose_runs(table: pd.DataFrame) -> list[str]:
    """The table, in whose rows runs are chosen; the first one at the beginning.

    Args:
        table: From `run_rows`.
    """
    shown, same = without_same(table, SETTINGS)
    event: Any = st.dataframe(
        shown,
        hide_index=True,
        column_config=_DIGITS,
        placeholder="–",
        key="runs chosen",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [0]}},
        alt="One row a run",
    )
    if same:
        plain(f"The same in all: {same}.")
    rows = sorted(at for at in event["selection"]["rows"] if at < len(table))
    if len(rows) > MOST_COMPARED:
        plain(f"The first {MOST_COMPARED} that are chosen are looked at.")
    return table["Run"].iloc[rows[:MOST_COMPARED]].tolist()


def draw_measured(runs: Mapping[str, mt.Run], measured: Mapping[str, Sequence[Headline]]) -> None:
    """A row for every report of a run's bundle; nothing where there is none."""
    rows = [
        (name, one.title, one.figure.name, f"{one.figure}")
        for name, run in runs.items()
        for one in measured.get(run.bundle_sha256, ())
    ]
    if rows:
        st.subheader("What was measured of them")
        table = pd.DataFrame(rows, columns=["Run", "Report", "Figure", "Value and interval"])
        draw_rows(table.map(printable), right={"Value and interval"}, alt="One row a report")
