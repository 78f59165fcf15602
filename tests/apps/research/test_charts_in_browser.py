"""In a browser, dark and light: the words of every chart can be read, and runs are chosen in their table."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps.chart_words import chart_words, faint_words
from tests.apps.views.test_report_in_browser import served

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.bundle import Bundle

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DRAWN = ("Discrimination", "Operating point", "Calibration", "Clinical usefulness", "Subgroups", "Sites")
"""Parts of the report that have charts."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_words_of_charts_can_be_read(bundle: Bundle, runs: Path, tmp_path: Path, theme: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    shutil.rmtree(runs / "three")
    (tmp_path / "clinic.toml").write_text(f'theme = "{theme}"\n', encoding="utf-8")
    arguments = ("--bundle", bundle.folder, "--runs", runs, "--clinic", tmp_path / "clinic.toml")
    seen: dict[str, dict[str, float]] = {}
    faint: dict[str, list[str]] = {}
    with served(tmp_path, *arguments) as address, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 2400})
        page.goto(f"{address}/evaluation")
        for part in DRAWN:
            page.get_by_label("Part of the report").click()
            page.get_by_role("option", name=part, exact=True).click()
            _drawn(page)
            seen[part], faint[part] = chart_words(page), faint_words(page)
            assert _outside(page) == [], part
        page.goto(f"{address}/runs")
        _drawn(page)
        seen["runs"], faint["runs"] = chart_words(page), faint_words(page)
        box = page.locator("[data-testid=stDataFrame]").first.bounding_box()
        page.mouse.click(box["x"] + 18, box["y"] + 35 + 52)  # the box of the second row
        page.get_by_role("heading", name="In what the plans differ").wait_for()
        page.locator("text").first.evaluate("text => { text.style.fill = '#808495'; text.style.opacity = 0.5 }")
        assert faint_words(page), "what is faint is found"
        browser.close()
    assert all(seen.values()), {part: len(words) for part, words in seen.items()}
    assert not any(faint.values()), faint


def _drawn(page: Any) -> None:
    """Until every chart is drawn, and nothing of the part before is left."""
    page.wait_for_timeout(700)  # until the server has heard of the choice
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
    page.wait_for_function(
        """() => {
            const charts = [...document.querySelectorAll("[data-testid=stVegaLiteChart]")];
            return charts.length && charts.every((chart) => chart.querySelector("svg text"))
                && !document.querySelector("[data-testid=stSkeleton], [data-stale=true]");
        }""",
        timeout=60_000,
    )
    page.wait_for_timeout(1_500)  # until all have their final width


def _outside(page: Any) -> list[str]:
    """Points of a chart that are painted outside of its frame."""
    return page.evaluate(
        """() => [...document.querySelectorAll("[data-testid=stVegaLiteChart] svg")].flatMap((svg) => {
            const frame = svg.querySelector(".mark-group.role-frame path.background")?.getBoundingClientRect();
            return [...svg.querySelectorAll(".mark-symbol.role-mark path")].map((one) => one.getBoundingClientRect())
                .filter((at) => at.x + at.width / 2 < frame.left - 1 || at.x + at.width / 2 > frame.right + 1
                    || at.y + at.height / 2 < frame.top - 1 || at.y + at.height / 2 > frame.bottom + 1)
                .map((at) => `${at.x} ${at.y}`);
        })"""
    )
