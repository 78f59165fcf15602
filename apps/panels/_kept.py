"""What a reader entered stays when its form cannot be drawn, or when the study turns out to be another one by now.

Streamlit forgets the fields of a form with the first drawing of the screen that lacks it; and forms are known by the
content that they are about, so that words never slip under other pictures unnoticed.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

KINDS: Final = ("impression", "feedback")
"""Whose fields are called `KIND CONTENT NUMBER FIELD`; NUMBER is that of the entry they correct, or 0."""

_DRAWN: Final = "study_drawn"


def keep_entered() -> None:
    """To be called where the forms are not drawn this time."""
    for key in _fields():
        st.session_state[key] = st.session_state[key]


def say_if_changed(name: str, sha256: str) -> None:
    """To be called before the forms: of a study that has changed since it was drawn last, what was entered comes along.

    Args:
        name: Of the study.
        sha256: What is in it now.
    """
    before, st.session_state[_DRAWN] = st.session_state.get(_DRAWN), (name, sha256)
    if before is None or before[0] != name or before[1] == sha256:
        return
    st.warning("The files of this study have changed since you opened it. Look at the pictures again.")
    if _brought(before[1], sha256):
        st.text("What you entered is still here. It is not saved yet.")


def _brought(before: str, now: str) -> bool:
    """Whether there was anything to bring from one content's fields to the other's."""
    found = False
    for key in _fields():
        kind, content, _, field = key.split(" ", 3)
        entered = st.session_state[key]
        if content == before and entered not in (None, "", []):
            st.session_state[f"{kind} {now} 0 {field}"] = entered
            found = True
    return found


def _fields() -> list[str]:
    return [key for key in map(str, st.session_state) if key.split(" ", 1)[0] in KINDS and key.count(" ") >= 3]
