"""The panels beside the viewer: this folder is their list. A new panel is one file, and touches no other.

ORDER: Final = 10             # from the top
AFTER_REVEAL: Final = True    # drawn only once the model's answer may be seen, and is there
READERS_ONLY: Final = True    # optional: not drawn for who is no reader
def show(reading: Reading) -> None: ...
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.readers.reading import Reading

HERE: Final = Path(__file__).parent
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One file of this folder."""

    name: str
    order: int
    after_reveal: bool
    readers_only: bool
    show: Callable[[Reading], None]


@cache
def panels() -> tuple[Panel, ...]:
    """Every panel from top to bottom. Files that begin with `_` are parts that panels share."""
    names = sorted(file.stem for file in HERE.glob("*.py") if not file.name.startswith("_"))
    return tuple(sorted((_panel(name) for name in names), key=lambda panel: (panel.order, panel.name)))


def draw(reading: Reading) -> None:
    """Every panel that may be seen now; one that fails leaves the others standing."""
    for panel in panels():
        if panel.after_reveal and not reading.revealed:
            continue
        if panel.readers_only and "reader" not in reading.person.roles:
            continue
        try:
            panel.show(reading)
        except Exception as error:  # noqa: BLE001  # of any panel: the picture and what was said stay on the screen
            logger.error("panel %s failed: %s", panel.name, type(error).__name__)  # no identifiers
            st.warning("One panel could not be drawn. The others are complete; load the page again.")


def _panel(name: str) -> Panel:
    module = import_module(f"{__name__}.{name}")
    return Panel(
        name=name,
        order=module.ORDER,
        after_reveal=module.AFTER_REVEAL,
        readers_only=getattr(module, "READERS_ONLY", False),
        show=module.show,
    )
