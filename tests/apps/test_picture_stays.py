"""The picture stays in sight while its reader writes: it fills the window, and what stands beside it scrolls alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.apps.server.test_serving import serving
from tests.apps.test_keyboard import ARGS, CHROMIUM

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

MEASURE = """() => {
  const page = document.querySelector("[data-testid=stMain]");
  const panels = document.querySelector(".st-key-panels");
  panels.scrollTop = panels.scrollHeight;
  const viewer = [...document.querySelectorAll("[data-testid^=stBidiComponent]")].at(-1);
  const { top, bottom } = viewer.getBoundingClientRect();
  return { page: page.scrollHeight - page.clientHeight, panels: panels.scrollTop, top, bottom };
}"""


def test_at_every_size_there_is_one_thing_that_scrolls(bundle: Bundle, studies: Path, tmp_path: Path) -> None:
    with serving(tmp_path, bundle, studies) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page(viewport={"width": 1400, "height": 700})
        page.goto(f"{server.address}/study?study=good.dcm")
        page.locator(".viewer[data-whole=yes]").wait_for(timeout=60_000)
        page.get_by_text("Plain pictures").wait_for()
        for width, height in ((1400, 700), (1920, 1080), (1280, 720)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)
            found = page.evaluate(MEASURE)
            assert found["page"] == 0, (width, height)
            assert height - 60 < found["bottom"] <= height, (width, height)
            assert (found["panels"] > 0) == (height < 900)
        page.set_viewport_size(
            {"width": 600, "height": 900}
        )  # one below the other: the page scrolls, the panels do not
        page.wait_for_timeout(300)
        found = page.evaluate(MEASURE)
        assert found["page"] > 0
        assert found["panels"] == 0
        browser.close()
