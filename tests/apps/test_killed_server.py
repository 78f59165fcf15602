"""A server that is killed in the middle of a review: what was saved is there, and its reader goes on from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import medtransfer as mt
from tests.apps.server.test_serving import CHROMIUM, page_of, serving, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import WriteStudy


@pytest.fixture
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def answer(page: Any, text: str) -> None:
    """Fill the last form of the page: pneumonia, confidence 70, and these words."""
    page.get_by_role("combobox", name="What do you see?").last.click(timeout=60_000)
    page.get_by_role("option", name="pneumonia").click()
    page.get_by_placeholder("0 to 100").last.fill("70")
    page.get_by_placeholder("Optional").last.fill(text)


def save(page: Any, what: Any, folder: Path) -> None:
    """Click, and wait no longer than until it is on the disk."""

    def recorded() -> bool:
        page.wait_for_timeout(10)
        with mt.Reviews.existing(folder / "reviews.sqlite") as reviews:
            return bool(reviews.entries(kind=what))

    page.get_by_role("button", name=f"Save {what}").click()
    until(recorded)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_killed_server_loses_no_review(
    chromium: Any, bundle: Bundle, write_study: WriteStudy, tmp_path: Path
) -> None:
    write_study(tmp_path / "studies" / "one.dcm")
    said = []
    for what, words in (("impression", "before the kill"), ("feedback", "after it")):
        with (
            serving(tmp_path, bundle, tmp_path / "studies") as server,
            page_of(chromium, f"{server.address}/study?study=one.dcm") as (page, _),
        ):
            if said:
                page.get_by_text("before the kill").wait_for(timeout=60_000)
                page.get_by_text("Unsure", exact=True).click()
            answer(page, words)
            save(page, what, tmp_path)
            server.process.kill()
            server.process.wait()
        said.append(words)
    with mt.Reviews.existing(tmp_path / "reviews.sqlite") as reviews:
        assert reviews.verify() == ""
        (pair,) = reviews.pairs()
        assert pair.before is not None
        assert pair.after is not None
        assert [pair.before.content["remarks"], pair.after.content["remarks"]] == said
        assert pair.after.content["follows_entry"] == pair.before.number
        assert pair.before.shown["width"] > 0
