"""What a reader entered stays when its form cannot be drawn, or when the study turns out to be another one by now.

Streamlit forgets the fields of a form with the first drawing of the screen that lacks it; and forms are known by the
content that they are about, so that words never slip under other pictures unnoticed.
"""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

KINDS: Final = ("impression", "feedback")
"""Whose fields are called `KIND CONTENT NUMBER FIELD`; NUMBER is that of the entry they correct, or 0."""

_DRAWN: Final = "study_drawn"
_KEPT: Final = "entered_kept"


def keep_entered() -> None:
    """To be called where the forms are not drawn this time: they are filled again when they are."""
    st.session_state[_KEPT] = _kept() | _entered()


def say_if_changed(name: str, sha256: str) -> None:
    """To be called before the forms: of a study that has changed since it was drawn last, what was entered comes along.

    Args:
        name: Of the study.
        sha256: What is in it now.
    """
    before, st.session_state[_DRAWN] = st.session_state.get(_DRAWN), (name, sha256)
    kept = _kept()
    if before is not None and before[0] == name and before[1] != sha256:
        st.warning("The files of this study have changed since you opened it. Look at the pictures again.")
        brought = {_moved(key, sha256): value for key, value in (kept | _entered()).items() if _of(key, before[1])}
        if brought:
            st.text("What you entered is still here. It is not saved yet.")
        kept = {key: value for key, value in kept.items() if not _of(key, before[1])} | brought
    for key in [key for key in kept if _of(key, sha256)]:
        st.session_state[key] = kept.pop(key)
    st.session_state[_KEPT] = kept


def _kept() -> dict[str, Any]:
    return dict(st.session_state.get(_KEPT, {}))


def _entered() -> dict[str, Any]:
    """What stands in the fields of the forms that were drawn last."""
    fields = [key for key in map(str, st.session_state) if key.split(" ", 1)[0] in KINDS and key.count(" ") >= 3]
    return {key: st.session_state[key] for key in fields if st.session_state[key] not in (None, "", [])}


def _of(key: str, content: str) -> bool:
    return key.split(" ", 2)[1] == content


def _moved(key: str, content: str) -> str:
    kind, _, _, field = key.split(" ", 3)
    return f"{kind} {content} 0 {field}"
