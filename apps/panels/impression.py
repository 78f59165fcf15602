"""Impression: what the reader sees alone, before the model speaks. Once its answer was shown, it is closed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import streamlit as st

from apps.panels import _answer
from apps.readers.records import current_reviews
from apps.text import plain

if TYPE_CHECKING:
    from apps.readers.reading import Reading
    from apps.reviews import Entry, Reviews

ORDER: Final = 10
AFTER_REVEAL: Final = False
READERS_ONLY: Final = True


def show(reading: Reading) -> None:
    reviews = current_reviews()
    mine = None if reviews is None else _answer.own(reading, reviews)
    if reviews is None or mine is None:
        return
    said = _answer.of_kind(mine, "impression")
    revealed = reading.revealed or bool(_answer.of_kind(mine, "reveal"))
    with st.container(border=True):
        st.subheader("Your impression")
        if said:
            _answer.say(said[-1])
            _answer.history(said)
        elif revealed:
            st.text("None was recorded before the model's answer was shown.")
        if revealed:
            return
        if not said:
            _form(reading, reviews, former=None)
            return
        with st.expander("Correct it"):
            _form(reading, reviews, former=said[-1])


def _form(reading: Reading, reviews: Reviews, *, former: Entry | None) -> None:
    key = f"impression {reading.views.sha256} {former.number if former else 0}"
    if former is None and not reading.no_score:
        st.caption("The model's answer is shown once your impression is recorded. It can be corrected until then.")
    with st.form(key=key, enter_to_submit=False, border=False):
        answer = _answer.ask(reading, key=key)
        words = st.text_area(
            "In your words", max_chars=_answer.MOST_WORDS, height=80, placeholder="Optional", key=f"{key} words"
        )
        asked = st.form_submit_button("Save impression")
    if not asked:
        return
    if answer.missing:
        plain(answer.missing)
        return
    opinion = replace(answer.opinion, remarks=words or "", corrects=former.number if former else None)
    if _answer.saved(reading, reviews, "impression", opinion):
        st.rerun()
