"""Colours of charts, and the drawings of reports in the colours of dark mode or of light mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from apps.text import plain
from apps.theme import theme

if TYPE_CHECKING:
    import medtransfer as mt


@dataclass(frozen=True, kw_only=True)
class Colours:
    """What is drawn, what stands beside it, what it is compared with; and two fields that white words stand on."""

    first: str
    second: str
    muted: str
    strong: str
    alarm: str


COLOURS: Final = Colours(first="#3b8ec7", second="#d9772b", muted="#8a919b", strong="#2f6f9f", alarm="#a8551c")
"""Told from a dark page and from a light one at 3 : 1 and more, so that no chart depends on knowing which it is."""

SEVERAL: Final = ("#3b8ec7", "#d97a2b", "#5aa469", "#b07cc6", "#c7a93b", "#d16a86", "#6f8fa3", "#9a7b5f")
"""For lines of several runs, told apart on dark and on light."""


def draw_pictures(part: mt.ReportPart, *, but: tuple[str, ...] = ()) -> None:
    """The report's own drawings, two beside each other, save those whose headings begin with one of `but`."""
    shown = [one for one in part.drawings if not one.heading.startswith(but)]
    for start in range(0, len(shown), 2):
        for column, drawing in zip(st.columns(2, gap="medium"), shown[start : start + 2], strict=False):
            with column:
                draw_picture(drawing)


def draw_picture(drawing: mt.Drawing) -> None:
    """One of them, with its words."""
    with st.container(border=True, height="stretch"):
        plain(drawing.heading)
        st.image(drawing.light if theme() == "light" else drawing.dark, width="stretch")
        plain(drawing.caption)
