"""Dark or light is one thing for the whole server."""

from __future__ import annotations

import pytest
import streamlit as st

from apps.theme import theme


@pytest.mark.parametrize(("base", "wanted"), [("light", "light"), ("dark", "dark"), (None, "dark")])
def test_it_is_what_the_server_was_started_with(monkeypatch: pytest.MonkeyPatch, base: str | None, wanted: str) -> None:
    monkeypatch.setattr(st, "get_option", {"theme.base": base}.get)
    assert theme() == wanted
