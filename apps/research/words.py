"""The words and tables of a report on the screen, as plain text: the same pieces, in the same order."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

import medtransfer as mt
from apps.research.tables import ROOM, draw_rows
from apps.text import plain, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BETWEEN: Final = " · "
"""Between the lines of a cell."""
BETWEEN_COLUMNS, IN_A_FRAME = 24, 36
"""CSS pixels that are no part of a column, and of a frame and its edges."""
LONG: Final = 24
"""Characters below the name of a column from which on they are said above the table."""


def draw_blocks(pieces: Iterable[mt.ReportBlock], *, room: int = ROOM) -> None:
    """Every piece, in so many pixels; tables of two narrow columns stand beside each other."""
    for narrow, run in groupby(pieces, key=_is_narrow):
        some = list(run)
        if not narrow or len(some) < 2:
            for piece in some:
                _draw(piece, room)
            continue
        for start in range(0, len(some), 3):
            for column, piece in zip(st.columns(3, gap="medium"), some[start : start + 3], strict=False):
                with column:
                    _draw(piece, room // 3 - BETWEEN_COLUMNS)


def under(pieces: Sequence[mt.ReportBlock], heading: str) -> tuple[mt.ReportBlock, ...]:
    """What stands below a heading, up to the next one; empty where it is not there."""
    found: list[mt.ReportBlock] = []
    inside = False
    for piece in pieces:
        if isinstance(piece, mt.ReportWords) and piece.heading:
            inside = piece.text == heading
        elif inside:
            found.append(piece)
    return tuple(found)


def cards(rows: Sequence[tuple[str, str, str]]) -> None:
    """Figures in a row of frames: name, value, and what stands below it."""
    for start in range(0, len(rows), 6):
        some = rows[start : start + 6]
        for column, (name, value, below) in zip(st.columns(max(len(some), 4)), some, strict=False):
            with column, st.container(border=True, gap=None, height="stretch"):
                plain(name)
                st.metric("Value", printable(value), label_visibility="collapsed")
                for line in filter(None, below.splitlines()):
                    plain(line)


def draw_warnings(warnings: Sequence[str]) -> None:
    """What the reader should know first."""
    if warnings:
        with st.container(border=True, gap="small"):
            st.caption(
                ":orange[:material/warning:] Warnings" if len(warnings) > 1 else ":orange[:material/warning:] Warning"
            )
            for warning in warnings:
                plain(warning)


def draw_table(table: mt.ReportTable, *, room: int = ROOM) -> None:
    """One table. The lines of a cell stand in one, so that sorting never parts a figure from its interval."""
    if table.caption:
        plain(table.caption)
    for name, *below in map(str.splitlines, table.head):
        if below and len(" ".join(below)) > LONG:
            plain(f"{name}: {', '.join(below)}.")
    names = _told_apart([_short(name) for name in table.head])
    rows = [[printable(cell.replace("\n", BETWEEN)) for cell in row] for row in table.rows]
    right = {name for name, numeric in zip(names, table.numeric, strict=True) if numeric}
    draw_rows(pd.DataFrame(rows, columns=names, dtype=object), right=right, room=room)


def _draw(piece: mt.ReportBlock, room: int) -> None:
    match piece:
        case mt.ReportWords():
            plain(piece.text)
        case mt.ReportItems():
            _draw_items(piece.items)
        case mt.ReportFacts():
            with st.container(border=True, gap="small"):
                _draw_facts(piece.rows)
        case mt.ReportTable():
            draw_table(piece, room=room)
        case mt.ReportMore():
            with st.container(border=True, gap=None):
                _lines(piece.summary)
                with st.expander("Show", type="compact"):
                    draw_blocks(piece.blocks, room=room - IN_A_FRAME)


def _draw_items(items: Sequence[str]) -> None:
    if any("\n" in item for item in items):
        cards([_card(item) for item in items])
        return
    for item in items:
        plain(f"·  {item}")


def _draw_facts(rows: Sequence[tuple[str, str]]) -> None:
    for name, said in rows:
        label, value = st.columns([1, 3])
        with label:
            plain(name)
        with value, st.container(gap=None):
            _lines(said)


def _lines(text: str) -> None:
    for line in text.splitlines():
        plain(line)


def _card(item: str) -> tuple[str, str, str]:
    name, value, *below = [*item.splitlines(), ""]
    return name, value, "\n".join(below)


def _is_narrow(piece: mt.ReportBlock) -> bool:
    return isinstance(piece, mt.ReportTable) and len(piece.head) <= 2 and not piece.caption


def _short(head: str) -> str:
    name, *below = head.splitlines() or [""]
    return name if len(" ".join(below)) > LONG else head


def _told_apart(head: Sequence[str]) -> list[str]:
    """Headings of columns, no two alike."""
    names: list[str] = []
    for name in head:
        shown = printable(name.replace("\n", BETWEEN)) or " "
        while shown in names:
            shown += " "
        names.append(shown)
    return names
