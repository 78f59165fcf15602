"""The drawings of reports in the colours of dark mode or of light mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from apps.text import plain
from apps.theme import theme

if TYPE_CHECKING:
    import medtransfer as mt


def draw_pictures(part: mt.ReportPart, *, but: tuple[str, ...] = ()) -> None:
    """The report's own drawings, two beside each other, save those whose headings begin with one of `but`.

    A last one without a neighbour has its words beside it.
    """
    shown = [one for one in part.drawings if not one.heading.startswith(but)]
    for start in range(0, len(shown) - 1, 2):
        for column, drawing in zip(st.columns(2, gap="medium"), shown[start : start + 2], strict=True):
            with column, st.container(border=True, height="stretch"):
                _picture(drawing)
                plain(drawing.caption)
    if len(shown) % 2:
        with st.container(border=True):
            left, right = st.columns([3, 2], gap="medium", vertical_alignment="center")
            with left:
                _picture(shown[-1])
            with right:
                plain(shown[-1].caption)


def _picture(drawing: mt.Drawing) -> None:
    plain(drawing.heading)
    st.image(drawing.light if theme() == "light" else drawing.dark, width="stretch")
