"""Who has a study: opening one claims it; opening another one, or the session's end, gives it back.

Claims keep nobody out. They say, before a second reader begins, that somebody else has the study.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps.notices import why_unread
from apps.readers.records import recorded, standing_of
from apps.server.session import at_session_end
from apps.studies.choice import close_study
from apps.studies.scope import flags
from apps.text import plain

if TYPE_CHECKING:
    from apps.readers.reading import Reading
    from apps.readers.standing import Standing

_HELD: Final = "held_claim"

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Held:
    """What this session opened last. Only for giving it back: that it is claimed stands in the reviews."""

    reviews: mt.Reviews = field(repr=False)
    who: str
    study: str
    study_sha256: str
    bundle_sha256: str
    held: bool = True

    def give_back(self) -> None:
        """Release it, once, if its reader still has it; what cannot be recorded stays claimed."""
        if not self.held:
            return
        self.held = False
        try:
            if self.who in standing_of(self.reviews, self.study_sha256).claims:
                self.reviews.append(
                    "release",
                    who=self.who,
                    study=self.study,
                    study_sha256=self.study_sha256,
                    bundle_sha256=self.bundle_sha256,
                    shown={},
                    content={},
                )
        except mt.MedTransferError as error:
            logger.warning("a study could not be given back: %s", error.code)


def taken(reading: Reading, reviews: mt.Reviews, left: Standing) -> bool:
    """Claim the study that is open, and give back the one before it. False: somebody has it, and we wait for a word.

    Who is no reader claims nothing.
    """
    if "reader" not in reading.person.roles:
        return True
    who, sha256 = reading.person.name, reading.views.sha256
    held: Held | None = st.session_state.get(_HELD)
    if held is not None and (held.study_sha256, held.who) != (sha256, who):
        give_back()
        held = None
    others = left.others(who)
    if who not in left.claims:
        if others and not _goes_on(others):
            return False
        met = {"flags": list(flags(reading.bundle, reading.views)), "failed": _failed(reading)}
        met |= {"bytes": reading.study.size} if reading.study.size else {}
        recorded(reviews, "claim", reading, content=met | ({"beside": sorted(others)} if others else {}))
    if held is None:
        held = Held(
            reviews=reviews, who=who, study=reading.study.name, study_sha256=sha256, bundle_sha256=reading.bundle.sha256
        )
        st.session_state[_HELD] = held
        at_session_end(held.give_back)
        if others and who not in left.claims:
            st.rerun()  # the question is answered, and goes
    return True


def give_back() -> None:
    """Release what this session has opened."""
    held: Held | None = st.session_state.pop(_HELD, None)
    if held is not None:
        held.give_back()


def _goes_on(others: dict[str, str]) -> bool:
    """Say who has the study, and ask."""
    st.info("Somebody else is reading this study.")
    for who, since in others.items():
        at = f"{datetime.fromisoformat(since).astimezone():%Y-%m-%d %H:%M}"
        plain(f"{who} opened it at {at} and has not given it back.")
    st.text("You may read it as well: every reading is recorded under its reader's name.")
    with st.container(horizontal=True):
        goes_on = st.button("Read it as well")
        back = st.button("Back to the worklist")
    if back:
        close_study()
        st.switch_page("views/worklist.py")
    return goes_on


def _failed(reading: Reading) -> str:
    """Why nothing of it could be read; empty where something could."""
    if reading.views.views:
        return ""
    first = next(iter(reading.views.unread), None)
    return why_unread(first.code, by_rule=first.by_rule) if first else "there are no images in it"
