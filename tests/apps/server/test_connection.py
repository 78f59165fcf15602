"""A page whose server is gone: one sentence of ours, no dialog over the pictures, and it goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apps.server.connection import _SCRIPT
from tests.apps.server.test_serving import CHROMIUM, HOME, browser, page_of, serving

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import OpenApp, WriteStudy

__all__ = ("browser",)

SCREENS = sorted(file.stem for file in (HOME / "apps" / "views").glob("[!_]*.py"))
LOST = "The connection to the server is lost."


def test_it_stands_on_every_screen(open_app: OpenApp) -> None:
    app = open_app()
    assert len(SCREENS) == 8
    for screen in SCREENS:
        app.switch_page(f"views/{screen}.py").run()
        assert not app.exception
        assert any("medtransfer_connection" in str(one.proto) for one in app.get("bidi_component")), screen


def test_it_asks_nobody() -> None:
    assert not [word for word in ("fetch(", "XMLHttpRequest", "WebSocket", "setInterval", "http") if word in _SCRIPT]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_lost_server_is_said_calmly_and_the_session_goes_on(
    browser: Any, bundle: Bundle, write_study: WriteStudy, tmp_path: Path
) -> None:
    write_study(tmp_path / "studies" / "one.dcm")
    with (
        serving(tmp_path, bundle, tmp_path / "studies") as server,
        page_of(browser, f"{server.address}/study?study=one.dcm") as (page, _),
    ):
        words = page.get_by_placeholder("Optional")
        words.fill("half typed", timeout=60_000)
        lost = page.get_by_text(LOST)
        page.locator(".viewer[data-whole=yes]").wait_for(timeout=60_000)
        assert not lost.is_visible()
        picture = page.locator("canvas").first.bounding_box()
        server.process.kill()
        server.process.wait()
        lost.wait_for(timeout=8_000)
        for _ in range(40):  # as long as Streamlit takes to put its dialog over the page, and more
            page.wait_for_timeout(250)
            assert "internet" not in page.inner_text("body")
            assert not any(dialog.is_visible() for dialog in page.get_by_role("dialog").all())
        assert words.input_value() == "half typed"
        box = lost.bounding_box()
        canvas = page.locator("canvas").first.bounding_box()
        assert canvas["y"] >= box["y"] + box["height"], "the sentence covers the picture"
        middle = (canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
        assert (
            page.evaluate("([x, y]) => Boolean(document.elementFromPoint(x, y).closest('[role=dialog]'))", middle)
            is False
        )
        with serving(tmp_path, bundle, tmp_path / "studies", port=server.port):
            lost.wait_for(state="hidden", timeout=90_000)
            page.get_by_role("button", name="Save impression").wait_for(timeout=60_000)
            page.wait_for_timeout(2_000)
            assert words.input_value() == "half typed"
            assert page.locator("canvas").first.bounding_box() == picture
            page.get_by_role("combobox", name="What do you see?").click()
            page.get_by_role("option", name="pneumonia").click()
            page.get_by_placeholder("0 to 100").fill("70")
            page.get_by_role("button", name="Save impression").click()
            page.get_by_text("Probability of pneumonia").wait_for(timeout=60_000)
            page.get_by_text("half typed").first.wait_for()
