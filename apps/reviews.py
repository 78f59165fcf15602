"""What readers said: the app's one open file of it, shared by all sessions, and what is asked of it on every screen.

The file itself (append-only SQLite with a hash chain) is `mt.Reviews`: the command line exports and verifies the same.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

import medtransfer as mt
from apps.text import trouble

Reviews = mt.Reviews
Entry = mt.ReviewEntry


def opened_reviews(path: Path) -> mt.Reviews | None:
    """The file, opened once for all sessions; else None, having said why."""
    try:
        return _opened(str(path))
    except mt.MedTransferError as error:
        trouble("What readers say cannot be recorded.", error.message, error.hint or "")
        return None


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(path: str) -> mt.Reviews:
    return mt.Reviews(Path(path))
