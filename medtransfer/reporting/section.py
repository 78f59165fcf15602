"""What a part of a page is: a heading, what stands below it, and its drawings."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.page import render


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page, rendered.

    Attributes:
        name: Its anchor, and the beginning of its drawings' file names: `net_benefit`.
        heading: Above it.
        body: Its words and tables, as `templates/sections/<name>.html.j2` says them.
        figures: Its drawings; the page puts them after the body, and `figures/` holds each as a file.
    """

    name: str
    heading: str
    body: Markup
    figures: tuple[PlotFigure, ...] = ()


def section(name: str, heading: str, *, figures: tuple[PlotFigure, ...] = (), **values: object) -> Section:
    """Render the part's own template with its values."""
    body = Markup(render(f"sections/{name}.html.j2", **values))
    return Section(name=name, heading=heading, body=body, figures=figures)
