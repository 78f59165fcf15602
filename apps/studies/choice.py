"""Which study is open in this session: one of the server's folder, by its name in the address, or uploaded files."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps import words
from apps.settings import current_settings
from apps.studies.folder import MOST_STUDIES, Listing, Study
from apps.studies.looking import Looking
from apps.studies.uploads import Spool, drop_copies, upload_ids
from apps.studies.watching import current_looking, read_settings
from apps.text import plain, trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

ADDRESS: Final = "study"
"""`?study=NAME` opens a study of the folder, here and in another session."""

AT_ONCE: Final = 500
"""Files that are looked at while the screen waits, where no server watches the folder."""

AT_ONCE_BYTES: Final = 2**26
"""Bytes that are digested meanwhile."""

PATIENCE: Final = 5.0
"""Seconds that a study waits until it is known which files belong to it."""

KINDS: Final = 6
"""Kinds of other files that are named."""

_OPEN, _SPOOL, _UPLOADS, _BEGUN = "open_study", "upload_spool", "uploads", "session_begun"


def chosen_study() -> Study | None:
    """The study that is open: the one that the address names, else the one opened last; None where there is none.

    A name that the folder does not have opens nothing, and says so.
    """
    asked = st.query_params.get(ADDRESS)
    if asked is not None:
        study = _found(asked)
        st.session_state[_OPEN] = None if study is None else asked
        if study is None:
            st.warning("The folder has no study of the name in the address.")
        return study
    held: Spool | None = st.session_state.get(_SPOOL)
    name = st.session_state.get(_OPEN)
    if name is None:
        return None if held is None else held.study
    study = _found(name)
    if study is None:
        st.warning("The study that was open is no longer in the folder.")
        return None
    st.query_params[ADDRESS] = name  # so that the page can be loaded again, and its address sent to a colleague
    return study


def _found(name: str) -> Study | None:
    """The study of this name, once it is known which files belong to it; else with a word that this is not known."""
    until = time.monotonic() + PATIENCE
    while True:
        listing = listed()
        position = listing.position(name)
        if position is None or listing.studies[position].settled:
            break
        if current_looking(current_settings().studies or Path()) is None or time.monotonic() > until:
            st.info("The folder is still being looked through: more images of this study may be found.")
            break
        with st.spinner("Looking which files belong to this study …"):
            time.sleep(0.1)
    return None if position is None else listing.studies[position]


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
    """The studies of the server's folder, with what is known of them by now; none where there is no folder."""
    folder = current_settings().studies
    if folder is None:
        return Listing(studies=())
    known = current_looking(folder)
    return _listed(str(folder)) if known is None or known.listing is None else known.listing


def tell_what_was_opened(sizes: Iterable[int], names: Iterable[str]) -> None:
    """Whoever watches the folder looks whether studies of so many bytes, or of these names, are what was opened."""
    folder = current_settings().studies
    known = None if folder is None else current_looking(folder)
    if known is not None:
        known.opened_so_far(sizes, names)


def say_what_is_missing(listing: Listing) -> None:
    """What of the folder is not in its list, and of what nothing is known yet."""
    if listing.waiting:
        still = f"{words.studies(listing.waiting)} {'is' if listing.waiting == 1 else 'are'} still to be looked at"
        plain(f"{still}: what is to note of them is not known yet.")
    if listing.others:
        count = sum(number for _, number in listing.others)
        plain(f"{words.files(count)} of no image format {'is' if count == 1 else 'are'} not listed: {_kinds(listing)}.")
    if listing.cut:
        plain(f"Only the first {MOST_STUDIES:,} studies are listed. Start the app with a smaller folder.")
    if listing.outside:
        plain(f"{listing.outside} links lead out of the folder and are left out.")


# A resource and not data: the list is frozen, and copying the names of a long CT's files for every run takes seconds.
@st.cache_resource(ttl=30, max_entries=4, show_spinner="Looking through the folder …")
def _listed(folder: str) -> Listing:
    """As it was met just now, where no server watches the folder."""
    looking = Looking(Path(folder), partial(mt.file_headers, **read_settings()), mt.study_sha256)
    looking.look(most=AT_ONCE, most_bytes=AT_ONCE_BYTES)
    return looking.listing or Listing(studies=())


def _kinds(listing: Listing) -> str:
    """`12 .txt, 1 .docx, 3 without a suffix`."""
    named = [f"{count:,} {suffix or 'without a suffix'}" for suffix, count in listing.others]
    return ", ".join(named[:KINDS]) + (", …" if len(named) > KINDS else "")
