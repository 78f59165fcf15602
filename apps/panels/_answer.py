"""Asking a reader for an answer: what impression and feedback share.

Fields stand in a form, so that nothing is sent, and nothing on the screen moves, before Save. None of them has a value
to begin with: what nobody said is not recorded as said. What could not be saved stays in its fields.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import streamlit as st

import medtransfer as mt
from apps.panels._into_view import into_view
from apps.server.shown import shown
from apps.text import plain, printable, trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.readers.reading import Reading
    from apps.reviews import Entry, Reviews

CANNOT_SAY: Final = "Cannot say"
Said = Literal["present", "absent", "cannot say"]
MOST_WORDS: Final = 2_000
"""Characters of free text."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What stands in the fields; `missing` says in one sentence what does not."""

    opinion: mt.Opinion
    missing: str


def ask(reading: Reading, *, key: str) -> Answer:
    """The fields of an answer, inside a form of this key."""
    manifest = reading.bundle.manifest
    if manifest.task == "multilabel":
        answers, missing = _several(manifest.classes, key)
        opinion = mt.Opinion(answers=answers)
    else:
        answer, missing = _one(manifest.classes, key)
        opinion = mt.Opinion(answer=answer)
    confidence = st.number_input(
        "Confidence: 0 is a guess, 100 is certain",
        min_value=0,
        max_value=100,
        value=None,
        step=5,
        placeholder="0 to 100",
        key=f"{key} confidence",
    )
    if not missing and confidence is None and not opinion.cannot_say:
        missing = "Say how sure you are of the answer, from 0 to 100."
    return Answer(
        opinion=mt.Opinion(
            answer=opinion.answer,
            answers=opinion.answers,
            confidence=None if confidence is None or opinion.cannot_say else int(confidence),
        ),
        missing=missing,
    )


def saved(reading: Reading, reviews: Reviews, kind: str, opinion: mt.Opinion) -> bool:
    """Record it with what is on display; False where that could not be, having said why."""
    try:
        reviews.append(
            "impression" if kind == "impression" else "feedback",
            who=reading.person.name,
            study=reading.study.name,
            study_sha256=reading.views.sha256,
            bundle_sha256=reading.bundle.sha256,
            shown=shown(reading.token),
            content=opinion.as_content(),
        )
    except mt.MedTransferError as error:
        trouble("This was not saved. What you entered is still here.", error.message, error.hint or "")
        into_view(f"{kind} not saved")
        return False
    return True


def own(reading: Reading, reviews: Reviews) -> tuple[Entry, ...] | None:
    """What this reader said of this study beside this bundle; None where it cannot be read, having said why.

    What others said is not shown: each reads for himself.
    """
    try:
        entries = reviews.entries(study_sha256=reading.views.sha256, who=reading.person.name)
    except mt.MedTransferError as error:
        trouble("What you said before cannot be read.", error.message, error.hint or "")
        return None
    return tuple(entry for entry in entries if entry.bundle_sha256 == reading.bundle.sha256)


def of_kind(entries: Sequence[Entry], kind: str) -> list[Entry]:
    """Those of one kind, the first one first."""
    return [entry for entry in entries if entry.kind == kind]


def say(entry: Entry) -> None:
    """One entry, as it was recorded."""
    said = mt.opinion_of(entry.content)
    sure = "" if said.confidence is None else f"confidence {said.confidence} of 100"
    agreement = f"{said.agreement} with the model" if said.agreement in {"agree", "disagree"} else said.agreement
    quality = f"image quality {said.image_quality}" if said.image_quality else ""
    with st.container(gap=None):
        plain(" · ".join(part for part in (said.as_text(), sure, agreement) if part))
        for words in (", ".join(said.reasons), quality, said.remarks):
            if words:
                plain(words)
        plain(f"Recorded {entry.at[:10]} {entry.at[11:19]} UTC, entry {entry.number}")


def history(entries: Sequence[Entry]) -> None:
    """All but the last, which replaced them: nothing is ever taken away."""
    if len(entries) > 1:
        with st.expander("Earlier versions"):
            for entry in reversed(entries[:-1]):
                say(entry)


def _one(classes: Sequence[str], key: str) -> tuple[str, str]:
    names = told_apart([*map(printable, classes), CANNOT_SAY])
    chosen = st.selectbox(
        "What do you see?",
        range(len(names)),
        index=None,
        format_func=names.__getitem__,
        placeholder="Choose an answer",
        key=f"{key} answer",
    )
    if chosen is None:
        return "", "Choose an answer, or say that you cannot say."
    return (classes[chosen] if chosen < len(classes) else ""), ""


def _several(classes: Sequence[str], key: str) -> tuple[dict[str, Said], str]:
    names = told_apart([*map(printable, classes)])
    of = names.__getitem__
    every = range(len(names))
    present = st.multiselect("What is there?", every, format_func=of, placeholder="Nothing of it", key=f"{key} present")
    unsure = st.multiselect("What can you not say?", every, format_func=of, placeholder="None", key=f"{key} unsure")
    if both := sorted({*present} & {*unsure}):
        return {}, f"{names[both[0]]} is said to be there, and that nobody can say. Choose one."
    said: dict[int, Said] = {**dict.fromkeys(present, "present"), **dict.fromkeys(unsure, "cannot say")}
    return {name: said.get(number, "absent") for number, name in enumerate(classes)}, ""


def told_apart(names: Sequence[str]) -> list[str]:
    """A list of choices is a list of words to Streamlit: equal ones would be one choice."""
    met: Counter[str] = Counter()
    told = []
    for name in names:
        met[name] += 1
        told.append(name if met[name] == 1 else f"{name} ({met[name]})")
    return told
