"""On a screen of 1440 × 900: the feedback begins in view, folds open by keyboard, and a refusal is read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.apps.panels.conftest import scored
from tests.apps.server.test_serving import CHROMIUM, browser, page_of, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apps.conftest import MakeBundle, WriteStudy

__all__ = ("browser",)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]

SHOWN = """(element) => {
  const { top, bottom } = element.getBoundingClientRect();
  const column = element.closest('.st-key-panels')?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight };
  return top >= column.top - 1 && bottom <= Math.min(column.bottom, innerHeight) + 1;
}"""


def impression(page: Any) -> None:
    page.get_by_role("combobox", name="What do you see?").click(timeout=60_000)
    page.get_by_role("option", name="pneumonia").click()
    page.get_by_placeholder("0 to 100").fill("70")


def test_the_feedback_begins_in_view_and_the_fold_opens_by_keyboard(
    browser: Any, make_bundle: MakeBundle, write_study: WriteStudy, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / "bundle", scored=(scored(),), priors={"pneumonia": 0.4})
    write_study(tmp_path / "studies" / "one.dcm", PatientID="P7")
    with (
        serving(tmp_path, bundle, tmp_path / "studies") as server,
        page_of(browser, f"{server.address}/study?study=one.dcm") as (page, _),
    ):
        page.set_viewport_size({"width": 1440, "height": 900})
        impression(page)
        page.get_by_role("button", name="Save impression").click()
        feedback = page.get_by_role("heading", name="Your feedback")
        feedback.wait_for(timeout=60_000)
        page.wait_for_timeout(1_000)
        assert feedback.evaluate(SHOWN), feedback.bounding_box()
        for words in ("Probability of pneumonia", "the operating point", "scored like this"):
            assert page.get_by_text(words).first.evaluate(SHOWN), words
        slider = page.get_by_role("slider", name="How frequent it is among your own patients")
        assert not slider.is_visible()
        page.locator("summary", has_text="What this rests on").focus()
        page.keyboard.press("Enter")
        slider.wait_for()
        assert page.get_by_text("Sensitivity", exact=True).first.is_visible()


def test_a_refusal_is_read_whole_without_scrolling(
    browser: Any, make_bundle: MakeBundle, write_study: WriteStudy, tmp_path: Path
) -> None:
    write_study(tmp_path / "studies" / "one.dcm", BurnedInAnnotation="YES")
    with (
        serving(tmp_path, make_bundle(tmp_path / "bundle"), tmp_path / "studies") as server,
        page_of(browser, f"{server.address}/study?study=one.dcm") as (page, _),
    ):
        page.set_viewport_size({"width": 1440, "height": 900})
        impression(page)
        page.get_by_placeholder("Optional").fill("not to be lost")
        (tmp_path / "reviews.sqlite").rename(tmp_path / "elsewhere.sqlite")
        page.get_by_role("button", name="Save impression").click()
        first = page.get_by_text("This was not saved. What you entered is still here.")
        first.wait_for(timeout=60_000)
        page.wait_for_timeout(1_000)
        assert first.evaluate(SHOWN)
        last = page.get_by_test_id("stVerticalBlock").filter(has=first).last.get_by_test_id("stText").last
        assert last.evaluate(SHOWN), last.inner_text()
        assert page.get_by_placeholder("Optional").input_value() == "not to be lost"
