"""How every chart of the app is drawn: its colours, and its words in the ink of dark mode or of light mode.

Words stand out from what is behind them by 4.5 : 1 at least, marks by 3 : 1 (`tests/apps/test_drawing.py`), on the page
and on its panels. Streamlit's own theme of charts is not used: its words are fainter. Charts are SVG, so that their
words are text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import streamlit as st

from apps.theme import theme

if TYPE_CHECKING:
    import altair as alt

FIRST: Final = "#3b8ec7"
SECOND: Final = "#c9650f"
MUTED: Final = "#7d858f"
"""What is drawn, what stands beside it, what it is compared with: marks, told from a dark page and from a light one."""

STRONG: Final = "#2f6f9f"
ALARM: Final = "#a8551c"
ON_FIELD: Final = "#ffffff"
"""Two fields, and the words that stand on them."""

SEVERAL: Final = (FIRST, SECOND, "#3f9a57", "#a96bc4", "#a3821a", "#d0557a", "#6f8794", "#9a7355")
"""For lines of several runs."""

_FONT: Final = '"Source Sans", sans-serif'


class Inks(NamedTuple):
    """Of words, and of the lines behind the marks."""

    words: str
    grid: str


INKS: Final = {"dark": Inks(words="#c9cdd2", grid="#34373b"), "light": Inks(words="#4a5057", grid="#dfe2e6")}


def draw_chart(chart: alt.TopLevelMixin, *, alt: str | None = None, width: Any = "stretch", **selection: Any) -> Any:
    """Put a chart on the screen; what is chosen in it, where a selection is asked for.

    Args:
        chart: Without colours of words, grid or frame.
        alt: What is drawn, for those who cannot see it; None: what the chart's description says.
        width: As Streamlit has it.
        selection: `key`, `on_select` and `selection_mode`.
    """
    return st.altair_chart(in_ink(chart, INKS[theme()]), width=width, theme=None, alt=alt, **selection)


def in_ink(chart: Any, inks: Inks) -> Any:
    """The same chart with the colours and sizes of its words, whatever it is made of."""
    words = {"labelColor": inks.words, "titleColor": inks.words, "labelFontSize": 12, "titleFontSize": 13}
    lines = {"gridColor": inks.grid, "domainColor": MUTED, "tickColor": MUTED, "titleFontWeight": "normal"}
    drawn = chart.configure(font=_FONT, background="transparent").configure_axis(
        **words, **lines, titlePadding=10, labelFlush=False
    )
    drawn = drawn.configure_legend(**words).configure_header(**words).configure_title(color=inks.words)
    drawn = drawn.configure_text(color=inks.words).configure_view(strokeWidth=0)
    return drawn.properties(usermeta={"embedOptions": {"renderer": "svg"}})
