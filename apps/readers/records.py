"""What the screens ask of the reviews: where the studies stand, and whether an entry was recorded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

import medtransfer as mt
from apps.readers.standing import Standing, Standings, standing, standings
from apps.reviews import opened_reviews
from apps.settings import current_settings
from apps.text import trouble

if TYPE_CHECKING:
    from apps.readers.reading import Reading

Event = Literal["claim", "release", "reveal"]


def current_reviews() -> mt.Reviews | None:
    """The reviews of the running app; else None, having said why."""
    return opened_reviews(current_settings().reviews)


def all_standings(reviews: mt.Reviews) -> Standings | None:
    """Where every study stands; None where the reviews cannot be read, having said why."""
    try:
        return _folded(str(reviews.path)).up_to_now(reviews)
    except mt.MedTransferError as error:
        trouble("What readers said cannot be read.", error.message, error.hint or "")
        return None


def standing_of(reviews: mt.Reviews, study_sha256: str) -> Standing:
    """Where this very content stands, whatever it is called.

    Raises:
        MedTransferError: The reviews cannot be read.
    """
    return standing(reviews.entries(study_sha256=study_sha256))


def recorded(reviews: mt.Reviews, event: Event, reading: Reading, *, content: dict[str, Any]) -> bool:
    """Record what happened to the study that is open; False where it was not recorded, having said why."""
    try:
        reviews.append(
            event,
            who=reading.person.name,
            study=reading.study.name,
            study_sha256=reading.views.sha256,
            bundle_sha256=reading.bundle.sha256,
            shown={},
            content=content,
        )
    except mt.MedTransferError as error:
        trouble("This step could not be recorded.", error.message, error.hint or "")
        return False
    return True


class Folded:
    """Where all studies stand, kept up with the reviews: only what was said since is read.

    What it hands out is never changed afterwards, so that sessions may read it while others record.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number, self._digest = 0, ""
        self._standings = Standings()

    def up_to_now(self, reviews: mt.Reviews) -> Standings:
        """With every entry that there is.

        Raises:
            MedTransferError: The reviews cannot be read.
        """
        with self._lock:
            new = reviews.entries(after=max(0, self._number - 1))
            if self._number and (not new or new[0].digest != self._digest):  # another file took its place
                self._standings, self._number, new = Standings(), 0, reviews.entries()
            if fresh := new[1:] if self._number else new:
                self._standings = standings(fresh, onto=self._standings)
                self._number, self._digest = fresh[-1].number, fresh[-1].digest
            return self._standings


@st.cache_resource(max_entries=4, show_spinner=False)
def _folded(path: str) -> Folded:
    del path  # the cache's key
    return Folded()
