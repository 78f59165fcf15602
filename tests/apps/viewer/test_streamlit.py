"""The viewer on a Streamlit screen: it finds its modules below any path, and no movement runs the screen anew."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest
from viewer_pages import middle_first as read
from viewer_phantom import chest, geometry

from apps.viewer import MODULES, viewer
from medtransfer.prediction.viewing import middle_first

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium")


def screen() -> None:
    from apps.viewer import viewer

    viewer(
        [{"key": "a", "label": "CT\u202e <b>", "banner": ["Doe\u2028Jane"]}], key="viewer", height=300, theme="light"
    )


def test_without_a_server_the_component_is_simply_there() -> None:
    for _ in range(2):
        app = AppTest.from_function(screen).run()
        assert not app.exception
        (drawn,) = app.get("bidi_component")
        assert "\u202e" not in str(drawn.proto)
        assert "\u2028" not in str(drawn.proto)
        assert "CT\N{REPLACEMENT CHARACTER} <b>" in json.loads(drawn.proto.json)["series"][0]["label"]


def test_the_modules_that_are_given_out_are_those_beside() -> None:
    assert {"main.js", "window.js", "order.js"} <= set(MODULES)
    assert all(name.endswith(".js") for name in MODULES)
    assert viewer.__doc__ is not None


def test_slices_are_sent_in_the_order_in_which_they_are_read() -> None:
    assert all(list(middle_first(n)) == read(n) for n in range(40))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    runs = tmp_path / "runs.txt"
    series = [geometry(chest(24, 64))]
    environment = {**os.environ, "VIEWER_RUNS": str(runs), "VIEWER_SERIES": json.dumps(series)}
    with (tmp_path / "log.txt").open("wb") as log:
        command = [sys.executable, str(HERE / "served.py"), str(port)]
        running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 40
        while time.monotonic() < until:
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/ward/clinic/", runs
    finally:
        running.terminate()
        running.wait(timeout=20)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the viewer is not driven in it")
def test_reading_never_runs_the_screen_and_running_the_screen_never_disturbs_reading(server: tuple[str, Path]) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser to drive")
    url, runs = server
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        told: list[str] = []
        page.on("request", lambda request: told.append(request.url) if request.method == "POST" else None)
        page.goto(url)
        page.wait_for_selector('.viewer[data-whole="yes"]')
        page.locator("canvas[role=application]").first.focus()
        page.wait_for_timeout(500)
        before = runs.read_text(encoding="utf-8")
        for key in ("ArrowDown", "5", "i", "r", "c", "+", "x", "PageUp", "PageDown"):
            page.keyboard.press(key)
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(800)
        assert runs.read_text(encoding="utf-8") == before
        assert [address for address in told if address.endswith("/ward/clinic/medtransfer/shown")]
        place = page.locator(".place").first.inner_text()
        assert place.splitlines()[1] == "Slice 14 / 24"
        page.get_by_role("button", name="Run again").click()
        page.wait_for_timeout(800)
        assert runs.read_text(encoding="utf-8") == before + "run\n"
        assert page.locator(".place").first.inner_text() == place
        assert page.locator(".viewer").count() == 1
        page.get_by_text("Away", exact=True).click()
        page.wait_for_selector(".viewer", state="detached")
        browser.close()
