"""What the model says of a study: asked for as the study is opened, shown once its reader may see it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps.readers.reading import may_see
from apps.readers.records import recorded
from apps.server.bundle import prediction
from apps.studies.scope import unanswered
from apps.text import plain, trouble

if TYPE_CHECKING:
    from apps.readers.reading import Reading
    from apps.readers.standing import Standing

PATIENCE: Final = 0.4
"""Seconds that a screen waits for the answer before it says that it waits."""

logger = logging.getLogger(__name__)


def with_answer(reading: Reading, reviews: mt.Reviews, left: Standing) -> Reading:
    """The reading with what the model says, where that may be seen and is there; else as it was, having said why.

    No answer is shown whose showing could not be recorded.
    """
    if reading.no_score:
        return reading
    result = _asked(reading, seen=may_see(reading, left))
    if result is None:
        return reading
    if reasons := unanswered(result, reading.views):
        return reading.without_score(reasons)
    return reading.with_answer(result) if _first_seen(reading, result, reviews, left) else reading


def _asked(reading: Reading, *, seen: bool) -> mt.StudyResult | None:
    """The answer, where it may be seen; where not, it is asked for all the same, to be there when it is wanted."""
    try:
        job = prediction(reading.bundle, reading.study, reading.views.sha256)
        if not seen:
            return None
        return job.result(timeout=PATIENCE)
    except TimeoutError:
        _wait(reading)
    except mt.MedTransferError as error:
        if seen:
            trouble("The model cannot be asked now.", error.message, error.hint or "")
    except Exception as error:  # noqa: BLE001  # whatever a network may raise: the pictures stay on the screen
        logger.error("inference failed: %s", type(error).__name__)  # no traceback: it may name files
        st.warning("The model failed on this study. What you said is kept; tell who runs this server.")
    return None


def _first_seen(reading: Reading, result: mt.StudyResult, reviews: mt.Reviews, left: Standing) -> bool:
    """Record, the first time, that this person sees what this bundle says of this study."""
    who, sha256 = reading.person.name, reading.bundle.sha256
    if (who, sha256) in left.reveals:
        return True
    if left.is_read(who, sha256):
        why = "after_impression"
    else:
        why = "always" if reading.settings.clinic.reveal == "always" else "no_reader"
    content = {"why": why, "probabilities": result.probabilities, "decision": result.decision}
    return recorded(reviews, "reveal", reading, content=content)


@st.fragment(run_every=1.0)
def _wait(reading: Reading) -> None:
    """Say how many studies come first; the rest of the screen stays usable meanwhile."""
    job = prediction(reading.bundle, reading.study, reading.views.sha256)
    if job.state in {"done", "failed"}:
        st.rerun()
    if job.position > 0:
        plain(f"The model reads other studies first: position {job.position} in the queue.")
    else:
        st.text("The model is reading this study.")
