"""Tables of words: every column as wide as its longest cell, so that nothing is cut that a screen has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Collection

ROOM: Final = 896
"""CSS pixels of a row on a screen that is 1,280 wide."""
MOST_AT_ONCE: Final = 30
"""Rows up to which a table is shown without a scroll bar of its own."""
THREE_LINES: Final = 70
"""CSS pixels; of rows from 65 on, Streamlit breaks words into lines."""

_NOTHING: Final = ("", "–")
_BESIDE, _NARROWEST, _WRAPPED = 16, 56, 110
"""CSS pixels: what stands beside the words of a cell; of the narrowest column; of one whose words are broken."""
_WIDTHS: Final = {" ": 3.0, **dict.fromkeys("iljtfrI()[]·.,:;|'", 4.0), **dict.fromkeys("mwMW%", 11.5)}
"""CSS pixels of a letter in a table; of others 6.6, capitals 8."""
_SPARE, _BROKEN = 1.06, 0.42
"""Where words are broken, no other word may be; of one line, so much is needed for three that are not filled."""


def draw_rows(rows: pd.DataFrame, *, right: Collection[str] = (), alt: str | None = None, room: int = ROOM) -> None:
    """Rows of text; columns of which nothing is known are left out.

    Args:
        rows: Text on one visible line a cell.
        right: Columns of figures.
        alt: What is in it.
        room: CSS pixels that the table has on a screen that is 1,280 wide.
    """
    rows = rows[[name for name in rows if rows.empty or (~rows[name].astype(str).isin(_NOTHING)).any()]]
    wide, lines = widths(rows, room)
    columns = {
        name: st.column_config.TextColumn(width=width, alignment="right" if name in right else None)
        for name, width in wide.items()
    }
    st.dataframe(
        rows,
        hide_index=True,
        column_config=columns,
        height="content" if len(rows) <= MOST_AT_ONCE else "auto",
        row_height=THREE_LINES if lines > 1 else None,
        placeholder="–",
        alt=alt,
    )


def without_same(rows: pd.DataFrame, names: Collection[str]) -> tuple[pd.DataFrame, str]:
    """The rows without those of the columns in which all of two or more rows are alike, and these in words."""
    if len(rows) < 2:
        return rows, ""
    same = [name for name in names if name in rows and rows[name].nunique(dropna=False) == 1]
    said = [f"{name} {rows[name].iloc[0] or 'none'}" for name in same]
    return rows.drop(columns=same), ", ".join(said)


def widths(rows: pd.DataFrame, room: int = ROOM) -> tuple[dict[str, int], int]:
    """Pixels a column, and how many lines a row needs; what is left of the room is spread over the columns."""
    needed = {
        str(name): max(_NARROWEST, *(_BESIDE + pixels(text) for text in [str(name), *rows[name].astype(str)]))
        for name in rows
    }
    over = sum(needed.values()) - room
    if over <= 0:
        more = -over // len(needed) if needed else 0
        return {name: width + more for name, width in needed.items()}, 1
    needed = {name: round(_SPARE * width) for name, width in needed.items()}
    over = sum(needed.values()) - room
    for name in sorted(needed, key=needed.__getitem__, reverse=True):
        least = max(_WRAPPED, _BESIDE + pixels(name), round(_BROKEN * needed[name]))
        spared = max(0, min(over, needed[name] - least))
        needed[name], over = needed[name] - spared, over - spared
    return needed, 3


def pixels(text: str) -> int:
    """About how wide a text stands in a table."""
    return round(sum(_WIDTHS.get(letter, 8.0 if letter.isupper() else 6.6) for letter in text))
