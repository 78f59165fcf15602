"""In a browser: a file is made when its button is pressed, and what arrives is what was recorded."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import medtransfer as mt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import WriteStudy

HOME = Path(__file__).parents[3]
CHROMIUM = shutil.which("chromium")
BUTTONS = {"PDF": b"%PDF", "DICOM Structured Report": b"\0" * 128, "DICOM Secondary Capture": b"\0" * 128}


@contextmanager
def served(folder: Path, *arguments: str | Path) -> Iterator[str]:
    """The address of a running app."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    program = [sys.executable, HOME / "apps" / "serve.py", "--port", str(port), *arguments]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(program, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 60
        while not _answers(address):
            assert process.poll() is None
            assert time.monotonic() < end, (folder / "log.txt").read_text()
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_what_arrives_is_what_was_recorded(bundle: Bundle, write_study: WriteStudy, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    write_study(tmp_path / "studies" / "a.dcm", PatientName="Doe^Jane")
    (tmp_path / "clinic.toml").write_text('protocol = "EK-2026/114"\nreveal = "always"\n')
    reviews = tmp_path / "reviews.sqlite"
    arguments = ("--bundle", bundle.folder, "--studies", tmp_path / "studies", "--reviews", reviews)
    with (
        served(tmp_path, *arguments, "--clinic", tmp_path / "clinic.toml") as address,
        playwright.sync_playwright() as driver,
    ):
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        page.goto(f"{address}/study?study=a.dcm")
        page.get_by_text("Probability of pneumonia").wait_for()
        page.get_by_role("link", name="Report").click()
        arrived = []
        for name, begins in BUTTONS.items():
            with page.expect_download() as download:
                page.get_by_role("button", name=name, exact=True).click()
            assert "Doe" not in download.value.suggested_filename
            content = Path(download.value.path()).read_bytes()
            assert content.startswith(begins)
            arrived.append(hashlib.sha256(content).hexdigest())
        browser.close()
    with mt.Reviews(reviews) as said:
        assert [entry.content["sha256"] for entry in said.entries(kind="export")] == arrived
    assert "Doe" not in (tmp_path / "log.txt").read_text()
