"""Through every screen in a browser, as a reader and then a researcher goes, and what must never happen on the way."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTICE: Final = "Research use only. Not a medical device."
SIZE: Final = {"width": 1400, "height": 900}
ARGUMENTS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-3d-apis",  # no WebGL, as on many clinics' machines
    "--disable-background-networking",
]
SCREENS: Final = (
    "worklist",
    "study",
    "answer",
    "feedback",
    "report",
    "model",
    "reviews",
    "runs",
    "cohort",
    "evaluation",
)
_PATIENCE: Final = 60_000

STOPPED: Final = ("This screen has stopped", "One panel could not be drawn")
"""What stands where an error that nobody expected was caught."""


@dataclass
class Watched:
    """A page of a browser of its own, and everything that it asked for, said or stumbled over."""

    page: Any
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def outside(self) -> list[str]:
        """Requests that left this machine, or went to another server on it."""
        own = urlsplit(self.page.url).netloc
        return [url for url in self.asked if not url.startswith(("data:", "blob:")) and urlsplit(url).netloc != own]


def watch(browser: Any) -> Watched:
    """A new page of the size of the screenshots."""
    context = browser.new_context(viewport=SIZE)
    watched = Watched(page=context.new_page())
    context.on("request", lambda request: watched.asked.append(request.url))
    watched.page.on("websocket", lambda socket: watched.asked.append(socket.url))
    watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))

    def refuse(dialog: Any) -> None:
        watched.dialogs.append(dialog.message)
        dialog.dismiss()

    watched.page.on("dialog", refuse)
    return watched


def settled(page: Any) -> None:
    """Until the screen is drawn and nothing on it moves any more."""
    app = '[data-testid="stApp"]'
    page.locator(f'{app}[data-test-script-state="notRunning"]').wait_for(timeout=_PATIENCE)
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')", timeout=_PATIENCE
    )
    page.wait_for_timeout(700)  # drawings fade in
    page.locator(f'{app}[data-test-script-state="notRunning"]').wait_for(timeout=_PATIENCE)


def tour(page: Any, address: str, study: str) -> Iterator[str]:
    """Name after name of `SCREENS`, each when it stands on the page."""
    page.goto(address)
    page.get_by_label("Open a study").wait_for(timeout=_PATIENCE)
    yield from _there(page, "worklist")
    open_study(page, address, study)
    page.get_by_role("button", name="Save impression").wait_for(timeout=_PATIENCE)
    yield from _there(page, "study")
    answer(page, save="Save impression")
    page.get_by_text("Your feedback").wait_for(timeout=_PATIENCE)
    yield from _there(page, "answer")
    page.get_by_text("Agree", exact=True).click()
    answer(page, save="Save feedback")
    page.get_by_text("agree with the model").wait_for(timeout=_PATIENCE)
    yield from _there(page, "feedback")
    for title in ("Report", "Model", "Reviews", "Runs", "Cohort", "Evaluation"):
        page.get_by_role("link", name=title, exact=True).click()
        page.get_by_role("heading", name=title, exact=True, level=1).wait_for(timeout=_PATIENCE)
        yield from _there(page, title.lower())


def open_study(page: Any, address: str, study: str) -> None:
    """By its address, until its picture is drawn."""
    page.goto(f"{address}/study?study={quote(study)}")
    page.locator("canvas").first.wait_for(timeout=_PATIENCE)
    settled(page)


def answer(page: Any, *, save: str) -> None:
    """What the reader sees, and how surely."""
    box = page.get_by_label("What do you see?")
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(300)  # a list of choices closes when what is behind it scrolls
    box.click()
    page.get_by_role("option", name=re.compile("pneumonia")).first.click()
    page.get_by_label("Confidence: 0 is a guess, 100 is certain").fill("80")
    page.keyboard.press("Tab")
    page.get_by_role("button", name=save).click()


def too_faint(page: Any) -> list[str]:
    """Text that cannot be read against what is behind it, as WCAG 2 AA counts."""
    found = Axe().run(page, None, {"runOnly": {"type": "rule", "values": ["color-contrast"]}})
    return [
        f"{node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''} {json.dumps(node['target'])[:200]}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]


def _there(page: Any, name: str) -> Iterator[str]:
    settled(page)
    page.mouse.move(SIZE["width"] - 2, SIZE["height"] // 2)  # rests on nothing
    page.get_by_text(NOTICE).first.wait_for(timeout=_PATIENCE)
    yield name
