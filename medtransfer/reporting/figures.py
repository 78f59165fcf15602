"""A drawing with its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medtransfer.reporting.svg import Drawn


@dataclass(frozen=True)
class PlotFigure:
    """One plot with its words; `marked` where the operating point stands in it."""

    heading: str
    svg: Drawn
    caption: str
    marked: bool = False
