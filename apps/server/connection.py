"""A page whose server is gone says so in one sentence of ours, and keeps its pictures uncovered.

Streamlit would cover the screen with a dialog that asks about the internet, which this app never uses. The sentence is
drawn by a component that is there beforehand (`connection.js`), since nothing comes from a server that is gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streamlit.components.v2 import component

HERE: Final = Path(__file__).parent

_SCRIPT: Final = (HERE / "connection.js").read_text(encoding="utf-8")
_STYLE: Final = (HERE / "connection.css").read_text(encoding="utf-8")


def watch_connection() -> None:
    """To be drawn on every screen, where the sentence shall stand; it takes no room while all is well."""
    component("medtransfer_connection", js=_SCRIPT, css=_STYLE)(key="connection")
