"""A screen's own address finds its server at once, at the root and below a path."""

from __future__ import annotations

import asyncio
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from apps.server.deep_links import deep_links
from tests.apps.server.test_serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.bundle import Bundle

CHROMIUM = shutil.which("chromium")


@pytest.mark.parametrize(("base", "place"), [("", "/"), ("ward/clinic", "/ward/clinic/")])
def test_the_page_is_streamlits_own_and_knows_where_the_server_is(base: str, place: str) -> None:
    (route,) = deep_links(["runs"], base)
    assert route.path == f"{place}runs"
    answer = asyncio.run(route.endpoint(Request({"type": "http", "method": "GET", "headers": []})))
    page = bytes(answer.body).decode()
    said = re.search(r'BACKEND_BASE_URL: window.location.origin \+ "([^"]*)"', page)
    assert said is not None
    assert said[1] == place
    assert page.index(said[0]) < page.index('<script type="module"'), "it is known before it is asked for"
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_no_request_of_a_deep_link_fails(bundle: Bundle, studies: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    failed: list[str] = []
    with serving(tmp_path, bundle, studies) as server, playwright.sync_playwright() as driver:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        page = driver.chromium.launch(executable_path=CHROMIUM, args=flags).new_page()
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        for name in ("model", "study?study=good.dcm"):
            page.goto(f"{server.address}/{name}")
            page.get_by_text("Research use only. Not a medical device.").first.wait_for(timeout=60_000)
        page.context.browser.close()
    assert failed == []
