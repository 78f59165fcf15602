"""The study in the viewer: voxels published under tickets of this session, geometry and banner beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from apps.readers.overlays import overlays
from apps.studies.patients import patient_lines
from apps.studies.pictures import show_pictures
from apps.theme import theme
from apps.viewer import viewer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.readers.reading import Reading
    from apps.server.voxels import Ticket
    from apps.studies.folder import Study

NOTICE: Final = "Research use only"
BESIDE: Final = "panels"
"""Key of the container beside the viewer, which is no taller and scrolls by itself."""

SHOWN_URL: Final = "medtransfer/shown"
"""Where the viewer tells what is on display; relative to the page, as the tickets' addresses are."""


def show_viewer(reading: Reading, tickets: Sequence[Ticket]) -> None:
    """The viewer, as tall as the window allows; or plain pictures, where they were asked for."""
    views, sha256 = reading.views.views, reading.views.sha256
    if not tickets or st.session_state.get(_plain(sha256)):
        show_pictures(views, sha256)
    else:
        viewer(series_of(reading, tickets), key=f"viewer {sha256}", height=0, beside=BESIDE, theme=theme())


def offer_plain_pictures(reading: Reading) -> None:
    """The switch to plain pictures, for a browser in which the viewer does not draw."""
    st.toggle("Plain pictures", key=_plain(reading.views.sha256), help="For a browser that draws no viewer.")


def _plain(sha256: str) -> str:
    return f"plain {sha256}"


def series_of(reading: Reading, tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
    """What the viewer gets of each picture."""
    views = reading.views.views
    lines, identity = banner(reading.study)
    return [
        view.geometry()
        | {
            "url": ticket.url,
            "token": ticket.token,
            "shown_url": SHOWN_URL,
            "banner": [*lines, NOTICE],
            "identity": identity,
            "attention": attention,
            "overlays": over,
        }
        for view, ticket, attention, over in zip(
            views, tickets, attentions(reading), overlays(views, tickets), strict=True
        )
    ]


def banner(study: Study) -> tuple[list[str], str]:
    """Whose study it is, as far as that may be said: lines for a large viewport, and one line for a small one.

    Who it is stands first on every viewport, always; the pseudonym stands last.
    """
    lines = patient_lines(study)
    return [*lines[:-1], study.name, *lines[-1:]], " · ".join(lines[:2] or (study.name,))


def attentions(reading: Reading) -> list[list[float] | None]:
    """How much each slice counted, a list for every picture; none before the model's answer may be seen."""
    found = reading.result.attention
    if found is None or len(found) != len(reading.views.views):
        return [None] * len(reading.views.views)
    return [None if weights is None else [float(weight) for weight in weights] for weights in found]
