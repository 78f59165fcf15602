"""The choice of a study, which all screens share: from the server's folder, or uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from apps.studies import MOST_STUDIES, Listing, Study, list_studies
from apps.text import plain
from apps.uploads import Spool, upload_ids

FOLDER: Final = "Folder on the server"
UPLOAD: Final = "Upload"

_STUDY, _SPOOL = "chosen_study", "upload_spool"


def chosen_study() -> Study | None:
    """The study that is open in this session."""
    return st.session_state.get(_STUDY)


def choose_study(folder: Path | None) -> None:
    """Draw the choice and keep what was chosen for this session."""
    st.subheader("Choose a study")
    ways = [UPLOAD] if folder is None else [FOLDER, UPLOAD]
    way = st.radio("From", ways, horizontal=True) if len(ways) > 1 else UPLOAD
    st.session_state[_STUDY] = _from_folder(folder) if way == FOLDER and folder is not None else _from_upload()


def _from_folder(folder: Path) -> Study | None:
    if not folder.is_dir():
        st.warning("The folder of studies is not there. Start the app with another `--studies`, or upload files.")
        return None
    listing = _listed(str(folder))
    if not listing.studies:
        st.warning("The folder of studies holds no images. Start the app with another `--studies`, or upload files.")
        return None
    number = st.selectbox(
        "Study",
        range(len(listing.studies)),
        index=_asked_for(listing),
        format_func=lambda number: listing.studies[number].name,
        placeholder="Choose a study",
    )
    _say_what_is_missing(listing)
    return None if number is None else listing.studies[number]


def _asked_for(listing: Listing) -> int | None:
    """The study that the address names (`?study=NAME`), if the folder has it."""
    asked = st.query_params.get("study")
    if asked is None:
        return None
    position = listing.position(asked)
    if position is None:
        st.warning("The folder has no study of the name in the address. Choose one from the list.")
    return position


def _say_what_is_missing(listing: Listing) -> None:
    if listing.cut:
        plain(f"Only the first {MOST_STUDIES:,} studies are listed. Start the app with a smaller folder.")
    if listing.outside:
        plain(f"{listing.outside} links lead out of the folder and are left out.")


def _from_upload() -> Study | None:
    uploads = st.file_uploader("Files of one study", accept_multiple_files=True)
    st.caption("DICOM, NIfTI, PNG, JPEG or TIFF. Kept for this session only, then removed.")
    held: Spool | None = st.session_state.get(_SPOOL)
    if held is not None and held.ids != upload_ids(uploads):
        held.remove()
        held = None
    if held is None and uploads:
        try:
            held = Spool(uploads)
        except OSError:
            st.warning("The files cannot be kept on the server: its disk may be full. Free space and try again.")
    st.session_state[_SPOOL] = held
    return None if held is None else held.study


@st.cache_data(ttl=30, max_entries=4, show_spinner="Looking through the folder …")
def _listed(folder: str) -> Listing:
    return list_studies(Path(folder))
