"""Buttons that fetch a file from the app's own server: each press ends with the file or with a sentence beside it.

Streamlit's own button of a file that is made on demand points to what the last drawing of the screen promised. The next
drawing, which any press starts, takes that promise away while the page still shows it: a second press then fetched
nothing, and nobody said so. Here a promise is kept until the session ends.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamlit.components.v2 import component

from apps.exports.offers import ticket
from apps.server.session import current_token
from apps.server.tickets import TICKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apps.exports.contents import Contents
    from apps.exports.offers import Offer
    from apps.server.tickets import Made

HERE: Final = Path(__file__).parent

_SCRIPT: Final = (HERE / "handing.js").read_text(encoding="utf-8")
_STYLE: Final = (HERE / "handing.css").read_text(encoding="utf-8")


def hand_over(possible: Sequence[tuple[Offer, Callable[[], Made]]], contents: Contents) -> None:
    """A button for each file, which this session alone may ask for."""
    token = current_token()
    files = []
    for offer, work in possible:
        key = ticket(offer, contents)
        TICKETS.offer(token, key, work)
        files.append({"title": offer.title, "name": offer.file_name, "url": f"medtransfer/files/{key}"})
    show = component("medtransfer_exports", js=_SCRIPT, css=_STYLE)
    show(key="exports", data={"files": files, "token": token}, on_taken_change=_nothing)


def _nothing() -> None:
    """The screen is drawn anew, with what was exported."""
