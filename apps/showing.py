"""The study in the viewer: voxels published under tickets of this session, geometry and banner beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import streamlit as st

from apps.patients import patient_line
from apps.pictures import show_pictures
from apps.viewer import viewer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.reading import Reading
    from apps.server.voxels import Ticket
    from apps.studies import Study

NOTICE: Final = "Research use only"
HEIGHT: Final = 760
SHOWN_URL: Final = "medtransfer/shown"
"""Where the viewer tells what is on display; relative to the page, as the tickets' addresses are."""


def show_viewer(reading: Reading, tickets: Sequence[Ticket]) -> None:
    """The viewer, and behind a switch the plain picture for a browser in which it does not draw."""
    views, sha256 = reading.views.views, reading.views.sha256
    place = st.container()
    plain = st.toggle("Plain pictures", key=f"plain {sha256}", help="For a browser that draws no viewer.")
    with place:
        if plain or not tickets:
            show_pictures(views, sha256)
        else:
            viewer(series_of(reading, tickets), key=f"viewer {sha256}", height=HEIGHT, theme=theme())


def series_of(reading: Reading, tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
    """What the viewer gets of each picture."""
    lines = banner(reading.study)
    return [
        view.geometry()
        | {
            "url": ticket.url,
            "token": ticket.token,
            "shown_url": SHOWN_URL,
            "banner": [*lines, view.facts, NOTICE],
            "attention": attention,
            "overlays": [],
        }
        for view, ticket, attention in zip(reading.views.views, tickets, attentions(reading), strict=True)
    ]


def banner(study: Study) -> list[str]:
    """Whose study it is, as far as that may be said: on every viewport, always."""
    return [line for line in (patient_line(study), study.name) if line]


def attentions(reading: Reading) -> list[list[float] | None]:
    """How much each slice counted, a list for every picture; none before the model's answer may be seen."""
    found = reading.result.attention
    if found is None or len(found) != len(reading.views.views):
        return [None] * len(reading.views.views)
    return [None if weights is None else [float(weight) for weight in weights] for weights in found]


def theme() -> Literal["dark", "light"]:
    """As the server was started: a browser tells its own preference too late, and it does not count."""
    return "light" if st.get_option("theme.base") == "light" else "dark"
