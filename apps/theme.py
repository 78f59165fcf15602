"""Dark or light: as the server was started (`theme` of the clinic's file), whatever the browser would prefer."""

from __future__ import annotations

from typing import Literal

import streamlit as st


def theme() -> Literal["dark", "light"]:
    """Of every screen, viewer and drawing."""
    return "light" if st.get_option("theme.base") == "light" else "dark"
