"""Study: its pictures on the left; on the right what its reader says of it, and only then what the model says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

import medtransfer as mt
from apps.evidence.answer import with_answer
from apps.panels import draw, notes
from apps.panels._kept import keep_entered, say_if_changed
from apps.people import READER, current_person
from apps.readers.claims import give_back, taken
from apps.readers.reading import new_reading
from apps.readers.records import current_reviews, standing_of
from apps.readers.showing import BESIDE, offer_plain_pictures, show_viewer
from apps.server.bundle import opened_bundle
from apps.settings import current_settings
from apps.studies.choice import chosen_study, close_study, open_study
from apps.studies.folder import MOST_FILES
from apps.studies.opened import forget_opened, opened, published
from apps.studies.patients import patient_line
from apps.text import plain, trouble
from apps.worklist.reading_list import next_study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.readers.reading import Reading
    from apps.server.voxels import Ticket
    from apps.studies.folder import Study


def show() -> None:
    """The whole screen."""
    bundle = opened_bundle()
    reviews = None if bundle is None else current_reviews()
    if bundle is None or reviews is None:
        keep_entered()
        return
    study = _chosen()
    if study is None:
        return
    try:
        _read(bundle, study, reviews)
    except mt.MedTransferError as error:
        keep_entered()
        trouble("What readers said cannot be read.", error.message, error.hint or "")


def _chosen() -> Study | None:
    """The study that is open; else None, having said why there is none."""
    study = chosen_study()
    if study is None:
        forget_opened()
        st.title("No study is open")
        if _reads():
            st.text("Choose one from the worklist, or upload its files there.")
            if st.button("To the worklist"):
                st.switch_page("views/worklist.py")
        else:
            st.text("Evaluation leads to the studies behind each of its points.")
            if st.button("To the evaluation"):
                st.switch_page("views/evaluation.py")
        return None
    if len(study.files) > MOST_FILES:
        trouble(
            "This study has too many files for this screen.",
            f"{study.name} has {len(study.files)} files, {MOST_FILES} are the most that are shown at once.",
            "If each file is a study of its own, start the app with this very folder as --studies. "
            "For whole cohorts use `medtransfer predict`.",
        )
        return None
    return study


def _read(bundle: mt.Bundle, study: Study, reviews: mt.Reviews) -> None:
    views = opened(bundle, study)
    tickets = published(views)
    token = tickets[0].token if tickets else ""
    reading = new_reading(study, bundle, views, person=current_person(), settings=current_settings(), token=token)
    left = standing_of(reviews, views.sha256)
    if not taken(reading, reviews, left):
        keep_entered()
        return
    pictures, beside = st.columns([5, 3], gap="medium")
    panels = beside.container(key=BESIDE)
    head = panels.container()
    with panels:
        say_if_changed(study.name, views.sha256)
        reading = with_answer(reading, reviews, left)
    with pictures:  # before the head, which looks through the worklist for the next study
        _show(reading, tickets)
    with head:
        _head(study, bundle, reviews)
    with panels:
        if views.views:
            draw(reading)
            offer_plain_pictures(reading)
        else:  # nothing to see, and so nothing to say but why
            notes.show(reading)


def _head(study: Study, bundle: mt.Bundle, reviews: mt.Reviews) -> None:
    """Whose study it is, and where a reader may go from here; who is no reader has no worklist."""
    plain(study.name)
    if line := patient_line(study):
        plain(line)
    if not _reads():
        return
    with st.container(horizontal=True):
        if st.button("Back to the worklist", icon=":material/arrow_back:", help="Gives the study back."):
            give_back()
            close_study()
            st.switch_page("views/worklist.py")
        following = next_study(study, bundle, reviews)
        if following is not None and st.button("Next unread", icon=":material/arrow_forward:"):
            open_study(following)


def _reads() -> bool:
    return READER in current_person().roles


def _show(reading: Reading, tickets: Sequence[Ticket]) -> None:
    if reading.views.views:
        show_viewer(reading, tickets)
    else:
        st.warning("No image of this study could be read, so there is no prediction.")


show()
