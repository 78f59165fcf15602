"""A page of another site that tries to open a session makes the server ask nobody."""

from __future__ import annotations

from typing import NoReturn

import pytest
from streamlit import net_util
from streamlit.web.server.server_util import is_url_from_allowed_origins

from apps.server.outside import ask_nobody


def test_another_origin_is_refused_without_asking_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def get(*words: object, **_: object) -> NoReturn:
        asked.append(words)
        raise OSError

    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)  # put back afterwards
    monkeypatch.setattr(net_util, "_external_ip", None)
    monkeypatch.setattr("requests.get", get)
    assert not is_url_from_allowed_origins("https://evil.example")
    assert asked, "Streamlit asks no longer: apps/server/outside.py can go"
    asked.clear()
    ask_nobody()
    assert not is_url_from_allowed_origins("https://evil.example")
    assert not asked
