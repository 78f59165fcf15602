"""Parts of an evaluation whose figures lead to their studies: one file a part of the report, of its name.

Each has `REPLACES`, the beginnings of the headings of those drawings of the report in whose place it draws its own, and
`show(shown)`, which draws them; and `LISTS`, where the report's lists and their headings are its own matter, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import streamlit as st

import medtransfer as mt
from apps.text import plain, printable


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a part draws from. `key` tells the widgets of one evaluation from those of another."""

    evaluation: mt.Evaluation
    studies: mt.JudgedStudies | None
    part: mt.ReportPart
    key: str

    def caption(self, heading: str, *, until: str = "\0") -> None:
        """What the report says below its drawing of this heading, up to the words that are about what is not here."""
        drawing = next((one for one in self.part.drawings if one.heading == heading), None)
        if drawing is not None:
            plain(drawing.caption.partition(until)[0])

    def finding(self) -> str:
        """The finding that is looked at; where there are several, one is chosen."""
        names = [one.of for one in self.evaluation.findings]
        if len(names) == 1:
            return names[0]
        place = st.selectbox(
            "Finding", range(len(names)), format_func=lambda at: printable(names[at]), key=f"{self.key} finding"
        )
        return names[place]

    def of(self, finding: str) -> str:
        """`, pneumonia` where there are several findings, as headings have it."""
        return f", {finding}" if len(self.evaluation.findings) > 1 else ""


class Clickable(Protocol):
    """What a file of this folder is."""

    @property
    def REPLACES(self) -> tuple[str, ...]: ...  # noqa: N802 - a constant of a module

    def show(self, shown: Shown) -> None: ...


def words_beside(own: Clickable, pieces: tuple[mt.ReportBlock, ...]) -> tuple[mt.ReportBlock, ...]:
    """The report's words but for what the part draws itself."""
    if not getattr(own, "LISTS", False):
        return pieces
    return tuple(one for one in pieces if not _is_list(one))


def _is_list(piece: mt.ReportBlock) -> bool:
    if isinstance(piece, mt.ReportItems):
        return any("\n" in item for item in piece.items)
    return isinstance(piece, mt.ReportWords) and piece.heading


def clickable(name: str) -> Clickable | None:
    """The file of a part; None where the report's own drawings are all there is."""
    name = name.partition("-")[0]
    if not (Path(__file__).parent / f"{name}.py").is_file():
        return None
    return cast("Clickable", import_module(f"{__name__}.{name}"))
