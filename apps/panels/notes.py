"""Take note: why there is no score, what could not be read, and what the reader noticed in the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from apps import words
from apps.studies.scope import unread
from apps.text import plain

if TYPE_CHECKING:
    from pathlib import Path

    from apps.readers.reading import Reading

ORDER: Final = 5
AFTER_REVEAL: Final = False

MOST: Final = 12
"""Sentences that stand at once; the others are counted and one click away."""


def show(reading: Reading) -> None:
    if reading.no_score:
        with st.container(border=True):
            st.markdown("**The model gives no score for this study.**")
            for sentence in reading.no_score:
                plain(sentence)
    if sentences := noticed(reading):
        with st.container(border=True):
            st.caption("Take note")
            for sentence in sentences[:MOST]:
                plain(sentence)
            if rest := sentences[MOST:]:
                with st.expander("The others"):
                    for sentence in rest:
                        plain(sentence)


def noticed(reading: Reading) -> list[str]:
    """A sentence for everything, in the order in which it matters."""
    names = dict(zip(reading.study.files, reading.study.names, strict=True))
    lost = unread(reading.views)
    sentences = [f"{lost} of {words.files(len(names))} could not be read."] if lost and reading.views.views else []
    sentences += [
        f"{_name(one.path, names)} {'is left out' if one.by_rule else 'cannot be read'}: {one.problem}"
        for one in sorted(reading.views.unread, key=lambda one: one.by_rule)
    ]
    several = len(reading.views.views) > 1
    for view in reading.views.views:
        said = [words.note(note) for note in view.notes]
        sentences += [f"{view.label}: {sentence}" if several and view.label else sentence for sentence in said]
    sentences += [words.flag(flag, ()) for flag in reading.result.flags if not flag.startswith(words.UNTRAINED)]
    return list(dict.fromkeys(sentences))


def _name(path: Path, names: dict[Path, str]) -> str:
    """As the file is called on the screen: an upload lies under another name than it was given."""
    return names.get(path, path.name)
