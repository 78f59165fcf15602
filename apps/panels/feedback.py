"""Feedback: what the reader says once the model has spoken, beside what the same reader said before.

A correction is an entry of its own that takes the place of the one before; both stay.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import streamlit as st

from apps.panels import _answer
from apps.readers.records import current_reviews
from apps.text import plain

if TYPE_CHECKING:
    import medtransfer as mt
    from apps.readers.reading import Reading
    from apps.reviews import Entry, Reviews

ORDER: Final = 30
AFTER_REVEAL: Final = True
READERS_ONLY: Final = True

AGREEMENT: Final = {"agree": "Agree", "disagree": "Disagree", "unsure": "Unsure"}
REASONS: Final = (
    "finding missed",
    "finding not there",
    "another finding explains it",
    "too subtle to call",
    "artefact or device",
    "wrong view or region",
    "earlier study says otherwise",
    "known clinically",
)
QUALITY: Final = {"good": "Good", "limited": "Limited", "not diagnostic": "Not diagnostic"}


def show(reading: Reading) -> None:
    reviews = current_reviews()
    mine = None if reviews is None else _answer.own(reading, reviews)
    if reviews is None or mine is None:
        return
    said, before = _answer.of_kind(mine, "feedback"), _before(mine)
    with st.container(border=True):
        st.subheader("Your feedback")
        if not said:
            _form(reading, reviews, before=before, former=None)
            return
        _answer.say(said[-1])
        _answer.history(said)
        with st.expander("Correct it"):
            _form(reading, reviews, before=before, former=said[-1])


def _before(mine: tuple[Entry, ...]) -> Entry | None:
    """The impression that this feedback follows: the last one from before the model's answer was shown."""
    revealed = next((entry.number for entry in mine if entry.kind == "reveal"), None)
    said = [entry for entry in _answer.of_kind(mine, "impression") if revealed is None or entry.number < revealed]
    return said[-1] if said else None


def _form(reading: Reading, reviews: Reviews, *, before: Entry | None, former: Entry | None) -> None:
    key = f"feedback {reading.views.sha256} {former.number if former else 0}"
    with st.form(key=key, enter_to_submit=False, border=False):
        agreement = st.pills("The model's answer", AGREEMENT, format_func=AGREEMENT.__getitem__, key=f"{key} agreement")
        answer = _answer.ask(reading, key=key)
        reasons = st.pills("Why", REASONS, selection_mode="multi", key=f"{key} reasons")
        quality = st.pills("Image quality", QUALITY, format_func=QUALITY.__getitem__, key=f"{key} quality")
        words = st.text_area(
            "In your words", max_chars=_answer.MOST_WORDS, height=80, placeholder="Optional", key=f"{key} words"
        )
        asked = st.form_submit_button("Save feedback")
    if not asked:
        return
    missing = "" if agreement else "Say whether you agree with the model's answer."
    if missing or answer.missing:
        plain(missing or answer.missing)
        return
    opinion: mt.Opinion = replace(
        answer.opinion,
        agreement=agreement,
        reasons=tuple(reasons),
        image_quality=quality or "",
        remarks=words or "",
        follows=before.number if before else None,
        corrects=former.number if former else None,
    )
    if _answer.saved(reading, reviews, "feedback", opinion):
        st.rerun()
