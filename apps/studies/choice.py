"""Which study is open in this session: one of the server's folder, by its name in the address, or uploaded files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

import medtransfer as mt
from apps.settings import current_settings
from apps.studies.folder import MOST_STUDIES, Listing, Study, list_studies
from apps.studies.uploads import Spool, drop_copies, upload_ids
from apps.text import plain, trouble

ADDRESS: Final = "study"
"""`?study=NAME` opens a study of the folder, here and in another session."""

_OPEN, _SPOOL, _UPLOADS, _BEGUN = "open_study", "upload_spool", "uploads", "session_begun"


def chosen_study() -> Study | None:
    """The study that is open: the one that the address names, else the one opened last; None where there is none.

    A name that the folder does not have opens nothing, and says so.
    """
    asked = st.query_params.get(ADDRESS)
    if asked is not None:
        position = listed().position(asked)
        st.session_state[_OPEN] = None if position is None else asked
        if position is None:
            st.warning("The folder has no study of the name in the address. Choose one from the worklist.")
            return None
        return listed().studies[position]
    held: Spool | None = st.session_state.get(_SPOOL)
    name = st.session_state.get(_OPEN)
    if name is None:
        return None if held is None else held.study
    position = listed().position(name)
    if position is None:
        st.warning("The study that was open is no longer in the folder. Choose one from the worklist.")
        return None
    st.query_params[ADDRESS] = name  # so that the page can be loaded again, and its address sent to a colleague
    return listed().studies[position]


def open_study(name: str) -> None:
    """Open a study of the folder; uploaded files go. Ends the run."""
    forget_upload()
    st.session_state[_OPEN] = name
    st.switch_page("views/study.py", query_params={ADDRESS: name})


def close_study() -> None:
    """Nothing is open any more."""
    st.session_state[_OPEN] = None
    forget_upload()


def follow_address() -> None:
    """Of an address that names a study, as a session begins: straight to its screen. Ends the run, or does nothing."""
    if st.session_state.get(_BEGUN):
        return
    st.session_state[_BEGUN] = True
    asked = st.query_params.get(ADDRESS)
    if asked is not None:
        st.switch_page("views/study.py", query_params={ADDRESS: asked})


def upload() -> Study | None:
    """Draw the upload; the study that the files make, if there are any."""
    uploads = st.file_uploader("Files of one study", accept_multiple_files=True, key=_UPLOADS, on_change=_changed)
    st.caption("DICOM, NIfTI, PNG, JPEG or TIFF. Kept for this session only, then removed.")
    held: Spool | None = st.session_state.get(_SPOOL)
    if uploads and (held is None or held.ids != upload_ids(uploads)):
        forget_upload()
        try:
            held = Spool(uploads)
        except mt.MedTransferError as error:
            trouble("The files cannot be kept on the server.", error.message, error.hint or "")
            return None
        except OSError:
            st.warning("The files cannot be kept on the server: its disk may be full. Free space and try again.")
            return None
        st.session_state[_SPOOL] = held
    return None if held is None else held.study


def open_upload() -> None:
    """Open the uploaded study. Ends the run."""
    st.session_state[_OPEN] = None
    drop_copies()
    st.switch_page("views/study.py")


def _changed() -> None:
    """Files taken back by the user are removed; a widget that merely is drawn anew is no change."""
    if not st.session_state.get(_UPLOADS):
        forget_upload()


def forget_upload() -> None:
    """Remove the uploaded files from the disk."""
    held: Spool | None = st.session_state.pop(_SPOOL, None)
    if held is not None:
        held.remove()


def listed() -> Listing:
    """The studies of the server's folder; none where the app was started without one."""
    folder = current_settings().studies
    return Listing(studies=()) if folder is None else _listed(str(folder))


def say_what_is_missing(listing: Listing) -> None:
    """What of the folder is not in its list."""
    if listing.cut:
        plain(f"Only the first {MOST_STUDIES:,} studies are listed. Start the app with a smaller folder.")
    if listing.outside:
        plain(f"{listing.outside} links lead out of the folder and are left out.")


# A resource and not data: the list is frozen, and copying the names of a long CT's files for every run takes seconds.
@st.cache_resource(ttl=30, max_entries=4, show_spinner="Looking through the folder …")
def _listed(folder: str) -> Listing:
    return list_studies(Path(folder))
