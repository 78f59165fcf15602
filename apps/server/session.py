"""The session that a script runs for: its token, and what is to be released at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from apps.people import current_person
from apps.server.tickets import TICKETS

_TOKEN: Final = "server_token"


def current_token() -> str:
    """The token of this session; a new one where there is none yet, or where somebody else sits there by now."""
    person = current_person()
    token = st.session_state.get(_TOKEN, "")
    if TICKETS.holder(token) != person:
        TICKETS.revoke(token)
        context = get_script_run_ctx(suppress_warning=True)
        token = TICKETS.issue("" if context is None else context.session_id, person)
        st.session_state[_TOKEN] = token
    return token


def at_session_end(release: Callable[[], object]) -> None:
    """Call `release` once this session has ended, or somebody else signs in to it; outside of a session, never."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        TICKETS.at_end(current_token(), release)
