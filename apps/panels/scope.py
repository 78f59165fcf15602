"""Scope: whom the model was trained on, what it must not be used for, and where this study lies outside of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from apps.evidence.card import show_limits, show_question, show_training
from apps.evidence.seen import SEEN, seen
from apps.evidence.trained_on import outside, silent
from apps.text import plain

if TYPE_CHECKING:
    from apps.readers.reading import Reading

ORDER: Final = 40
AFTER_REVEAL: Final = False


def show(reading: Reading) -> None:
    """What lies outside stands open; the card itself is one click away."""
    manifest = reading.bundle.manifest
    strange, unsaid = outside(manifest, reading.views.views), silent(manifest, reading.views.views)
    with st.container(border=True):
        st.subheader("The model's scope")
        if known := seen(reading):
            st.markdown("**The model knows this patient**")
            plain(SEEN)
        if strange:
            st.markdown("**Outside of what the model was trained on**")
            for sentence in strange:
                plain(sentence)
        elif reading.views.views and not known:
            st.text("Nothing that the files say of this study lies outside of what the model was trained on.")
        if unsaid:
            plain(f"Not stated in the files, and so not compared: {', '.join(unsaid)}.")
        with st.expander("What it was trained on"):
            show_question(manifest)
            show_training(manifest)
        with st.expander("What it must not be used for"):
            show_limits(manifest)
