"""Signing in for real: a provider says who it is, the clinic's file what they may do, and both are asked again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import RSAKey

from tests.apps.server.provider import CLIENT, SECRET, Provider, providing
from tests.apps.server.test_serving import BASE, CHROMIUM, page_of, serving, until
from tests.apps.test_killed_server import chromium

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle

__all__ = ["chromium"]

ANNA, EVA, MALLORY = "anna@example.org", "eva@example.org", "mallory@example.org"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def configured(folder: Path, provider: Provider) -> Path:
    secrets = folder / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text(
        "[auth]\n"
        f'redirect_uri = "http://127.0.0.1:{{port}}/{BASE}/oauth2callback"\n'
        f'cookie_secret = "{"0123456789abcdef" * 4}"\n'
        f'client_id = "{CLIENT}"\n'
        f'client_secret = "{SECRET}"\n'
        f'server_metadata_url = "{provider.address}/.well-known/openid-configuration"\n',
        encoding="utf-8",
    )
    clinic = folder / "clinic.toml"
    clinic.write_text(f'readers = ["{ANNA}"]\nresearchers = ["{EVA}"]\n', encoding="utf-8")
    return clinic


def screens(page: Any) -> list[str]:
    """What the sidebar leads to."""
    return [text.split("\n")[-1] for text in page.locator("[data-testid=stSidebarNavLink]").all_inner_texts()]


def sign_in(page: Any, provider: Provider, email: str) -> None:
    provider.email = email
    page.get_by_role("button", name="Sign in").click(timeout=60_000)
    page.get_by_role("button", name="Sign out").wait_for(timeout=60_000)


@pytest.mark.slow
def test_each_sees_what_is_theirs_until_it_is_taken_away(
    chromium: Any, bundle: Bundle, studies: Path, tmp_path: Path
) -> None:
    with providing() as provider:
        clinic = configured(tmp_path, provider)
        with serving(tmp_path, bundle, studies, "--clinic", clinic) as server:
            with page_of(chromium, server.address) as (page, _):
                sign_in(page, provider, EVA)
                assert "Reviews" in screens(page)
                assert "Worklist" not in screens(page)
                page.goto(f"{server.address}/report")
                page.get_by_text("This screen is not open to you").wait_for(timeout=60_000)
            with page_of(chromium, f"{server.address}/study?study=good.dcm") as (page, asked):
                assert not screens(page)
                sign_in(page, provider, MALLORY)
                page.get_by_text("No screen is open to you").wait_for()
                page.get_by_text(f"Signed in as {MALLORY}.").wait_for()
                page.get_by_role("button", name="Sign out").click()
                provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})  # the provider's name, another's key
                provider.email = ANNA
                with page.expect_response(lambda answer: "oauth2callback" in answer.url, timeout=60_000):
                    page.get_by_role("button", name="Sign in").click(timeout=60_000)
                page.wait_for_url(lambda url: "oauth2callback" not in url, timeout=60_000)
                page.get_by_role("button", name="Sign in").wait_for(timeout=60_000)
                provider.signs_with, provider.verified = provider.key, False
                sign_in(page, provider, ANNA)
                page.get_by_text("No screen is open to you").wait_for()
                assert not asked
                provider.verified = True
            with page_of(chromium, server.address) as (page, asked):
                sign_in(page, provider, ANNA)
                assert screens(page) == ["Worklist", "Study", "Report", "Model"]
                page.goto(f"{server.address}/study?study=good.dcm")
                page.locator(".viewer[data-whole=yes]").wait_for(timeout=60_000)
                place, token = asked[-1]
                assert server.status(place, token) == 200
                assert server.status(place) == server.status(place, "guessed") == 403
                clinic.write_text(f'researchers = ["{EVA}"]\n', encoding="utf-8")
                assert server.status(place, token) == 403
                page.reload()
                page.get_by_text("No screen is open to you").wait_for(timeout=60_000)
            until(lambda: server.health()["sessions"] == 0)
        assert "@example.org" not in (tmp_path / "log.txt").read_text(encoding="utf-8")
