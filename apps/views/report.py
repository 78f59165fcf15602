"""Report: what will be exported, word by word, and the three files that can be made of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

import medtransfer as mt
from apps.evidence.answer import with_answer
from apps.exports.gathering import gathered
from apps.exports.preview import show_exports, show_preview
from apps.people import current_person
from apps.readers.reading import may_see, new_reading
from apps.readers.records import current_reviews, standing_of
from apps.server.bundle import opened_bundle
from apps.server.session import current_token
from apps.server.shown import shown
from apps.settings import current_settings
from apps.studies.choice import chosen_study
from apps.studies.folder import MOST_FILES
from apps.studies.opened import opened
from apps.text import plain, trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.readers.reading import Reading
    from apps.studies.folder import Study

_DRAWN_UP = "report_drawn_up"


def show() -> None:
    """The whole screen."""
    bundle = opened_bundle()
    if bundle is None:
        return
    reviews = current_reviews()
    if reviews is None:
        return
    st.title("Report")
    study = chosen_study()
    if study is None or len(study.files) > MOST_FILES:
        st.text("No study is open. A report is of the study that was read last: open one from the worklist.")
        return
    try:
        _show(bundle, study, reviews)
    except mt.MedTransferError as error:
        trouble("The report cannot be drawn up now.", error.message, error.hint or "")


def _show(bundle: mt.Bundle, study: Study, reviews: mt.Reviews) -> None:
    views, token = opened(bundle, study), current_token()
    reading = new_reading(study, bundle, views, person=current_person(), settings=current_settings(), token=token)
    left = standing_of(reviews, views.sha256)
    if reading.no_score:
        st.text("The model gives no score for this study, so that there is nothing to report.")
        for sentence in reading.no_score:
            plain(sentence)
        return
    if not may_see(reading, left):
        st.text("Record your impression first: the report holds what the model says.")
        if st.button("To the study"):
            st.switch_page("views/study.py")
        return
    reading = with_answer(reading, reviews, left)
    if not reading.revealed:
        return
    entries = reviews.entries(study_sha256=views.sha256)
    display = _on_display(reading)
    contents = gathered(reading, entries, shown=display, at=_drawn_up(reading, entries, display))
    text, side = st.columns([3, 2], gap="large")
    with text:
        show_preview(contents)
    with side:
        show_exports(contents, reviews, entries, shown=display)


def _on_display(reading: Reading) -> dict[str, Any]:
    """What the viewer last said of this study; of one that was open before it says nothing about this one."""
    state = shown(reading.token)
    return state if state.get("series") in {view.key for view in reading.views.views} else {}


def _drawn_up(reading: Reading, entries: Sequence[mt.ReviewEntry], display: dict[str, Any]) -> datetime:
    """When this very report was first drawn up: drawing the screen anew makes no new one, a new word does."""
    said = [entry.digest for entry in entries if entry.kind in {"impression", "feedback"}]
    key = (reading.views.sha256, reading.bundle.sha256, reading.person.name, *said[-1:], repr(sorted(display.items())))
    held = st.session_state.get(_DRAWN_UP)
    if held is None or held[0] != key:
        held = (key, datetime.now(UTC))
        st.session_state[_DRAWN_UP] = held
    return held[1]


show()
