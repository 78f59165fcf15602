"""Take note: why there is no score, what could not be read, and what the reader noticed in the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from apps import words
from apps.notices import noticed, why_unread
from apps.studies.scope import unread
from apps.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable
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
    if sentences := said(reading):
        with st.container(border=True):
            st.caption("Take note")
            for sentence in sentences[:MOST]:
                plain(sentence)
            if rest := sentences[MOST:]:
                with st.expander("The others"):
                    for sentence in rest:
                        plain(sentence)
            if exact := technical(reading):
                with st.expander("For whoever looks after the files"):
                    for line in exact:
                        plain(line)


def said(reading: Reading) -> list[str]:
    """A sentence for everything, in the order in which it matters."""
    names = dict(zip(reading.study.files, reading.study.names, strict=True))
    lost = unread(reading.views)
    sentences = [f"{lost} of {words.files(len(names))} could not be read."] if lost and reading.views.views else []
    sentences += [
        f"{_name(one.path, names)} {'is left out' if one.by_rule else 'cannot be read'}: "
        f"{why_unread(one.code, by_rule=one.by_rule)}"
        for one in sorted(reading.views.unread, key=lambda one: one.by_rule)
    ]
    sentences += _of_views(reading, noticed)
    sentences += [words.flag(flag, ()) for flag in reading.result.flags if not flag.startswith(words.UNTRAINED)]
    return list(dict.fromkeys(sentences))


def technical(reading: Reading) -> list[str]:
    """The same of the files in the words of their readers, codes and all, as in `inspect`."""
    names = dict(zip(reading.study.files, reading.study.names, strict=True))
    lines = [f"{_name(one.path, names)}: {one.code}: {one.problem}" for one in reading.views.unread]
    return list(dict.fromkeys([*lines, *_of_views(reading, str)]))


def _of_views(reading: Reading, worded: Callable[[str], str]) -> list[str]:
    several = len(reading.views.views) > 1
    return [
        f"{view.label}: {worded(note)}" if several and view.label else worded(note)
        for view in reading.views.views
        for note in view.notes
    ]


def _name(path: Path, names: dict[Path, str]) -> str:
    """As the file is called on the screen: an upload lies under another name than it was given."""
    return names.get(path, path.name)
