"""From the address to a study and through its reading by keyboard alone, in a browser that is let nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

import medtransfer as mt
from tests.apps.server.test_serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


FOCUSED = """() => {
  let there = document.activeElement;
  while (there?.shadowRoot?.activeElement) there = there.shadowRoot.activeElement;
  return there?.getAttribute("aria-label") || there?.innerText || "";
}"""


def reach(page: Page, name: str) -> None:
    """Press Tab until what bears this name has the focus: nothing on the way holds it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if name in page.evaluate(FOCUSED):
            return
    raise AssertionError(name)


def answer(page: Page, said: str, sure: str, *, save: str) -> None:
    """Type an answer and how sure one is of it, and press Enter on Save."""
    reach(page, "What do you see?")
    page.keyboard.type(said)
    page.get_by_role("option", name=said).wait_for()
    page.keyboard.press("Enter")
    reach(page, "Confidence")
    page.keyboard.type(sure)
    reach(page, save)
    page.keyboard.press("Enter")


@pytest.mark.slow
def test_a_study_is_read_by_keyboard_from_the_picture_to_the_feedback(
    bundle: Bundle, studies: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, bundle, studies) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{server.address}/study?study=good.dcm")
        page.get_by_role("button", name="Save impression").wait_for()
        page.locator("canvas[role=application]").first.wait_for()
        reach(page, "Press question mark for the keys.")
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keys of the viewer").wait_for()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Keys of the viewer")).to_have_count(0)
        answer(page, "pneumonia", "75", save="Save impression")
        page.get_by_text("Probability of pneumonia").wait_for()
        page.get_by_role("button", name="Save feedback").wait_for()
        agree = page.get_by_role("radio", name="Agree", exact=True)
        agree.wait_for()
        reach(page, "Agree")
        page.keyboard.press("Enter")
        expect(agree).to_be_checked()
        answer(page, "normal", "60", save="Save feedback")
        page.get_by_text("Correct it").wait_for()
        browser.close()
    with mt.Reviews.existing(tmp_path / "reviews.sqlite") as reviews:
        before, after = (mt.opinion_of(reviews.entries(kind=kind)[0].content) for kind in ("impression", "feedback"))
    assert (before.answer, before.confidence) == ("pneumonia", 75)
    assert (after.answer, after.confidence, after.agreement) == ("normal", 60, "agree")
