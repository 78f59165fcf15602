"""Reviews: what readers said before and after the model's answer, whether the record is whole, and its export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

import medtransfer as mt
from apps import words
from apps.exports.reviews import exported
from apps.people import READER, current_person
from apps.readers.records import current_reviews
from apps.settings import current_settings
from apps.text import fact, plain, printable, trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer import ReviewEntry

_FAILED = "reviews_export_failed"


def show() -> None:
    """The whole screen."""
    st.title("Reviews")
    reviews = current_reviews()
    if reviews is None:
        return
    try:
        pairs = reviews.pairs()
        seen = _seen(reviews, pairs)
    except mt.MedTransferError as error:
        trouble("What readers said cannot be read.", error.message, error.hint or "")
        return
    readers, studies, both = st.columns(3)
    with readers:
        fact("Readers", f"{len({pair.who for pair in pairs}):,}")
    with studies:
        fact("Studies", f"{len({pair.study_sha256 for pair in pairs}):,}")
    with both:
        fact("Read before and after", f"{sum(pair.unaided and pair.after is not None for pair in pairs):,}")
    if unsaid := len({pair.study_sha256 for pair in pairs} - {pair.study_sha256 for pair in seen}):
        left = words.studies(unsaid)
        plain(f"Left out of the table, since you are a reader, too, and have said nothing of them yet: {left}.")
    if seen:
        rows = [_row(pair) for pair in reversed(seen)]
        said = [name for name in rows[0] if any(row[name] for row in rows)]
        st.dataframe([{name: row[name] for name in said} for row in rows], hide_index=True)
    elif not pairs:
        st.text("Nobody has read a study yet.")
    record, export = st.columns(2, gap="large")
    with record:
        _record(reviews)
    with export:
        _export(reviews)


def _seen(reviews: mt.Reviews, pairs: Sequence[mt.ReviewPair]) -> list[mt.ReviewPair]:
    """Those that this person may see: who reads, too, does so before seeing what others said of the study."""
    person = current_person()
    if READER not in person.roles:
        return list(pairs)
    said = {
        entry.study_sha256 for entry in reviews.entries(who=person.name) if entry.kind in {"impression", "feedback"}
    }
    return [pair for pair in pairs if pair.study_sha256 in said]


def _row(pair: mt.ReviewPair) -> dict[str, str]:
    """All words: a number that is missing would be drawn as None."""
    said = {"before": _said(pair.before), "after": _said(pair.after)}
    return {
        "Reader": printable(pair.who),
        "Study": printable(pair.study),
        "Before": said["before"][0],
        "Sure of it": said["before"][1],
        "After": said["after"][0],
        "Sure of it, after": said["after"][1],
        "The model's answer": mt.opinion_of(pair.after.content).agreement if pair.after else "",
        "Unaided before": "yes" if pair.unaided else "no",
    }


def _said(entry: ReviewEntry | None) -> tuple[str, str]:
    if entry is None:
        return "", ""
    opinion = mt.opinion_of(entry.content)
    sure = "" if opinion.confidence is None else f"{opinion.confidence} of 100"
    return printable(opinion.as_text()), sure


def _record(reviews: mt.Reviews) -> None:
    with st.container(border=True):
        st.subheader("The record")
        st.text("Every entry seals the one before it. Nothing is ever changed or removed.")
        if not st.button("Check it"):
            return
        wrong = reviews.verify()
        if wrong:
            trouble("The record is not whole.", wrong, "Keep the file as it is, and compare it with a copy.")
            return
        head = reviews.head()
        plain(f"Whole: {head.number:,} entries, none changed, removed or moved.")
        fact("Head, to be noted elsewhere", str(head))
        st.caption("Given to medtransfer reviews verify --expect, it shows whether entries were cut off at the end.")


def _export(reviews: mt.Reviews) -> None:
    settings, person = current_settings(), current_person()
    with st.container(border=True):
        st.subheader("Export")
        if not settings.clinic.protocol:
            st.text("Off: the clinic's file names no study protocol, under which data may leave the app.")
            return
        plain(f"Under the study protocol {settings.clinic.protocol}. The files name readers and studies.")
        failed: list[str] = st.session_state.setdefault(_FAILED, [])

        def make() -> bytes:
            failed.clear()
            try:
                return exported(reviews, current_settings(), person)
            except mt.MedTransferError as error:
                failed[:] = [error.message, error.hint or ""]
                raise

        st.download_button("JSONL, CSV and iMRMC", make, file_name="reviews.zip", mime="application/zip")
        if failed:
            trouble("Nothing was exported.", *failed)
        st.caption("JSONL has everything as it was entered; CSV is safe to open in a spreadsheet.")


show()
