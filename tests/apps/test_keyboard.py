"""From the address to a study by keyboard alone, in a browser that is let nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.apps.server.test_serving import serving

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle

CHROMIUM = shutil.which("chromium")
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def test_a_study_is_opened_by_keyboard_and_nothing_is_asked_of_elsewhere(
    bundle: Bundle, studies: Path, tmp_path: Path
) -> None:
    asked: list[str] = []
    with serving(tmp_path, bundle, studies) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.address)
        box = page.get_by_label("Open a study")
        box.wait_for(timeout=60_000)
        box.focus()
        page.keyboard.type("good")
        page.get_by_role("option", name="good.dcm").wait_for(timeout=30_000)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Next unread")).to_have_count(1, timeout=60_000)
        assert page.url.endswith("/study?study=good.dcm")
        page.go_back()  # not caught in the study
        page.get_by_label("Open a study").wait_for(timeout=60_000)
        browser.close()
    elsewhere = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert asked
    assert elsewhere == []
