"""Matplotlib figures as inline SVG: real text, colours that follow the page, and the same bytes each time.

Figures are drawn with stand-in colours and stand-in names. Afterwards each stand-in colour becomes a CSS
variable, so that one drawing serves light mode, dark mode and print, and each stand-in name becomes the
user's own string, escaped, so that no such string ever reaches matplotlib (mathematical notation,
missing glyphs) or the markup.
"""

from __future__ import annotations

import html
import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from medtransfer.core.inert import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INK: Final = "#010a01"
MUTED: Final = "#010b02"
GRID: Final = "#010c03"
FIRST: Final = "#010d04"
SECOND: Final = "#010e05"
SURFACE: Final = "#010f06"

VARIABLES: Final = {
    INK: "var(--plot-ink, #26292e)",
    MUTED: "var(--plot-muted, #5d646d)",
    GRID: "var(--plot-grid, #dcdfe3)",
    FIRST: "var(--plot-first, #0a5c91)",
    SECOND: "var(--plot-second, #b34700)",
    SURFACE: "var(--plot-surface, #ffffff)",
}

DARK: Final = {
    INK: "#e6e7e9",
    MUTED: "#a3aab3",
    GRID: "#2b2f35",
    FIRST: "#79bdea",
    SECOND: "#f3a35c",
    SURFACE: "#1c1f23",
}
"""What the page's style sheet makes of the variables in dark mode, for drawings that leave the page."""

_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "medtransfer",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "text.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "butt",
    "path.simplify": True,
    "path.simplify_threshold": 0.2,
}


class Drawn(Markup):
    """A figure as markup for a page, which remembers what it was drawn from (`picture_files` makes files of it)."""

    figure: Figure
    names: Mapping[str, str]
    """Stand-in text as drawn → what is shown in its place."""


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of that size in inches, in the house style; the style ends with the block.

    Drawing and `inline` both belong inside the block, since matplotlib reads its settings at both times.
    """
    with house_style():
        yield Figure(figsize=(width, height))


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's settings as every figure of ours is drawn and saved."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def inline(figure: Figure, *, name: str, described: str, names: Mapping[str, str] | None = None) -> Drawn:
    """The figure as one `<svg>` element that can stand in a page beside others.

    Args:
        figure: Drawn with this module's colours, within `drawing`.
        name: Prefix of every id in it, unique on the page.
        described: What the figure shows, for those who cannot see it.
        names: Stand-in text as drawn (ASCII) → what to show in its place.

    Returns:
        Markup without prolog, metadata, date or global style; every string in it is escaped.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"(font(?:-family)?: ?[^;\"]*?)'DejaVu Sans'(?:, ?[^;\"]*)?", r"\1inherit", svg)
    svg = re.sub(r"font: ([\d.]+px) inherit", r"font-size: \1", svg)
    for stand_in, variable in VARIABLES.items():
        svg = svg.replace(stand_in, variable)
    shown = {stand_in: shortened(visible(text), 48) for stand_in, text in (names or {}).items()}
    for stand_in, text in shown.items():
        svg = svg.replace(f">{stand_in}<", f">{html.escape(text)}<")
    head = f'<svg role="img" aria-label="{html.escape(visible(described))}" class="plot"'
    drawn = Drawn(re.sub(r"<svg([^>]*)>", lambda m: head + _size_free(m[1]) + ">", svg, count=1).strip())
    drawn.figure, drawn.names = figure, shown
    return drawn


def _size_free(attributes: str) -> str:
    """Without width and height: the page decides, the viewBox keeps the proportions."""
    return re.sub(r'\s(?:width|height|version)="[^"]*"', "", attributes)
