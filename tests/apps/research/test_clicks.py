"""In a browser: a click on a point lists its studies, an error leads to its own, and nothing is asked for elsewhere."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.apps.views.test_report_in_browser import served

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.bundle import Bundle

CHROMIUM = shutil.which("chromium")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_points_and_errors_lead_to_their_studies(bundle: Bundle, runs: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    shutil.rmtree(runs / "three")
    (tmp_path / "studies").mkdir()
    for number in range(177):
        (tmp_path / "studies" / f"STUDY-{number:04}.dcm").write_bytes(b"x")
    arguments = ("--bundle", bundle.folder, "--studies", tmp_path / "studies", "--reviews", tmp_path / "reviews.sqlite")
    with served(tmp_path, *arguments, "--runs", runs) as address, playwright.sync_playwright() as driver:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1500, "height": 2400})
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url))
        page.goto(f"{address}/evaluation")
        chart = page.locator("[data-testid=stVegaLiteChart] svg, [data-testid=stVegaLiteChart] canvas").first
        chart.wait_for(timeout=60_000)
        page.wait_for_timeout(2_000)  # until it has its final width
        box = chart.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.get_by_text("Called positive from a probability of").first.wait_for()
        page.get_by_label("Part of the report").click()
        page.get_by_role("option", name="The most confident errors", exact=True).click()
        link = page.locator("[data-testid=stPageLink] a").first
        assert "study?study=STUDY-" in (link.get_attribute("href") or "")
        link.click()
        page.wait_for_url("**/study?study=STUDY-*")
        browser.close()
    assert {
        url for url in asked if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
    } == set()
