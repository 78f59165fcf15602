"""The bundle and its network: opened for every run of a screen, loaded once, run by one session at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import streamlit as st

import medtransfer as mt
from apps.settings import current_settings
from apps.text import trouble

if TYPE_CHECKING:
    from apps.studies import Study
    from medtransfer import StudyResult

_RESULT = "study_result"


def opened_bundle() -> mt.Bundle | None:
    """The bundle that the app was started with, verified anew; else None, having said why."""
    settings = current_settings()
    if settings.bundle is None:
        trouble(
            "There is no model to show.",
            settings.problem,
            "Start it with `medtransfer app --bundle BUNDLE`, BUNDLE being the folder that `medtransfer fit` wrote.",
        )
        return None
    try:
        return mt.read_bundle(settings.bundle)
    except mt.MedTransferError as error:
        trouble(
            "The bundle cannot be opened.",
            f"{error.path or settings.bundle}: {error.message}",
            error.hint or "",
        )
        return None


def predicted(bundle: mt.Bundle, study: Study) -> StudyResult:
    """What the bundle says about a study; kept by the session until bundle, study or files change.

    Raises:
        MedTransferError: The network cannot be loaded.
    """
    key = (bundle.sha256, tuple((str(file), *_stamp(file)) for file in study.files))
    held = st.session_state.get(_RESULT)
    if held is None or held[0] != key:
        forget_prediction()
        with st.spinner("Reading the study …"), _one_at_a_time():
            held = (key, mt.predict_study(_runtime(bundle.sha256, bundle), bundle, study.files))
        st.session_state[_RESULT] = held
    return held[1]


def forget_prediction() -> None:
    """Let go of the last study's pictures and prediction."""
    st.session_state.pop(_RESULT, None)


def _stamp(file: Any) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return (-1, -1)  # gone meanwhile: reading it says so
    return (status.st_size, status.st_mtime_ns)


@st.cache_resource(max_entries=2, show_spinner="Loading the network …")
def _runtime(sha256: str, _bundle: mt.Bundle) -> Any:
    return mt.load_runtime(_bundle)


@st.cache_resource(show_spinner=False)
def _one_at_a_time() -> threading.Lock:
    return threading.Lock()
