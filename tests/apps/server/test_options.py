"""How the server is started: what is fixed stays fixed, whatever stands in the environment."""

from __future__ import annotations

import pytest

from apps.server.options import options


def test_the_app_keeps_to_itself() -> None:
    found = options(8501)
    assert found["server.address"] == "127.0.0.1"
    assert found["server.port"] == 8501
    assert found["server.baseUrlPath"] == ""
    assert found["server.allowedHosts"] == ["localhost", "127.0.0.1"]
    assert found["server.enableXsrfProtection"] is True
    assert found["server.enableStaticServing"] is False
    assert found["server.enableAgentApi"] is False
    assert found["browser.gatherUsageStats"] is False
    assert found["client.showErrorDetails"] == "none"


def test_a_proxy_may_name_its_host_and_path_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = options(1)
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", "clinic.example.org, reading.example.org")
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "/reading/")
    monkeypatch.setenv("STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "false")
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    monkeypatch.setenv("STREAMLIT_CLIENT_SHOW_ERROR_DETAILS", "full")
    found = options(1)
    hosts = ["clinic.example.org", "reading.example.org"]
    assert found == usual | {"server.baseUrlPath": "reading", "server.allowedHosts": hosts}


@pytest.mark.parametrize("said", ["", " ", ",", " , "])
def test_no_host_at_all_does_not_mean_every_host(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", said)
    assert options(1)["server.allowedHosts"] == ["localhost", "127.0.0.1"]


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("", None), ("-1", None), ("soon", None)])
def test_how_long_a_lost_connection_may_come_back(
    monkeypatch: pytest.MonkeyPatch, said: str, seconds: int | None
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL", said)
    assert options(1).get("server.disconnectedSessionTTL") == seconds
