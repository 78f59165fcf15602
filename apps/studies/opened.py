"""The study that is open in this session: read once, and let go of when another one is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

import medtransfer as mt
from apps.server import voxels
from apps.server.bundle import stamps
from apps.text import trouble

if TYPE_CHECKING:
    from apps.server.voxels import Ticket
    from apps.studies.folder import Study

_OPENED: Final = "opened_study"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A study as it was read, and from which files."""

    key: Any
    views: mt.StudyViews


def opened(bundle: mt.Bundle, study: Study) -> mt.StudyViews:
    """The study's views; read anew when its files or the bundle's way of reading change."""
    key = (bundle.sha256, stamps(study.files))
    held: Opened | None = st.session_state.get(_OPENED)
    if held is None or held.key != key:
        forget_opened()
        with st.spinner("Reading the study …"):
            held = Opened(key=key, views=mt.view_study(study.files, bundle.manifest.read))
        st.session_state[_OPENED] = held
    return held.views


def published(views: mt.StudyViews) -> tuple[Ticket, ...]:
    """The viewer's tickets, one a view; none where they cannot be had, having said why."""
    try:
        return tuple(voxels.publish(view) for view in views.views)
    except mt.MedTransferError as error:
        trouble(
            "The viewer cannot fetch the images; they are shown as plain pictures.", error.message, error.hint or ""
        )
        return ()


def forget_opened() -> None:
    """Let go of the last study's voxels, here and on the server's route."""
    if st.session_state.pop(_OPENED, None) is not None:
        voxels.forget()
