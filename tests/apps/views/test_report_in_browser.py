"""In a browser: a file is made when its button is pressed, and what arrives is what was recorded."""

from __future__ import annotations

import hashlib
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


@contextmanager
def reported(folder: Path, bundle: Bundle, write_study: WriteStudy) -> Iterator[Any]:
    """The report of a study, in a browser; reviews lie in the same folder."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    write_study(folder / "studies" / "a.dcm", PatientName="Doe^Jane")
    (folder / "clinic.toml").write_text('protocol = "EK-2026/114"\nreveal = "always"\n')
    arguments = ("--bundle", bundle.folder, "--studies", folder / "studies", "--reviews", folder / "reviews.sqlite")
    with (
        served(folder, *arguments, "--clinic", folder / "clinic.toml") as address,
        playwright.sync_playwright() as driver,
    ):
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{address}/study?study=a.dcm")
        page.get_by_text("Probability of pneumonia").wait_for()
        page.get_by_role("link", name="Report").click()
        page.get_by_role("button", name="PDF", exact=True).wait_for()
        yield page
        browser.close()


def recorded(folder: Path) -> list[str]:
    """Digests of what was exported, in order."""
    with mt.Reviews(folder / "reviews.sqlite") as said:
        assert not said.verify()
        return [entry.content["sha256"] for entry in said.entries(kind="export")]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_what_arrives_is_what_was_recorded(bundle: Bundle, write_study: WriteStudy, tmp_path: Path) -> None:
    with reported(tmp_path, bundle, write_study) as page:
        arrived = []
        for name, begins in BUTTONS.items():
            with page.expect_download() as download:
                page.get_by_role("button", name=name, exact=True).click()
            assert "Doe" not in download.value.suggested_filename
            content = Path(download.value.path()).read_bytes()
            assert content.startswith(begins)
            arrived.append(hashlib.sha256(content).hexdigest())
        page.get_by_text("secondary capture").wait_for()  # the screen says what was exported
    assert recorded(tmp_path) == arrived
    assert "Doe" not in (tmp_path / "log.txt").read_text()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_files_taken_in_quick_succession_all_arrive(bundle: Bundle, write_study: WriteStudy, tmp_path: Path) -> None:
    chance = random.Random(20261123)
    arrived: list[Any] = []
    with reported(tmp_path, bundle, write_study) as page:
        page.on("download", lambda download: arrived.append(download))  # noqa: PLW0108  # Playwright marks its handlers
        for _ in range(6):
            pair = chance.sample(list(BUTTONS), 2)
            expected = len(arrived) + 2
            for name in pair:
                page.get_by_role("button", name=name, exact=True).click()
                page.wait_for_timeout(chance.choice([0, 200, 400, 900, 1500]))
            end = time.monotonic() + 30
            while len(arrived) < expected:
                assert time.monotonic() < end, f"{pair}: {len(arrived) - expected + 2} of 2 arrived"
                page.wait_for_timeout(100)
        digests = []
        for download in arrived:
            file = Path(download.path())
            opens(file, download.suggested_filename)
            digests.append(hashlib.sha256(file.read_bytes()).hexdigest())
        assert len(arrived) == 12
    assert sorted(recorded(tmp_path)) == sorted(digests)


def opens(file: Path, name: str) -> None:
    """A program that is not ours reads it, where it is installed."""
    tool, says = {
        "report.pdf": ("pdftotext", "Research use only"),
        "sr.dcm": ("dsrdump", "Research use only"),
        "sc.dcm": ("dcmdump", "SecondaryCaptureImageStorage"),
    }[name.rsplit("-", 1)[1]]
    if found := shutil.which(tool):
        words = [found, str(file), *(["-"] if tool == "pdftotext" else [])]
        assert says in subprocess.run(words, capture_output=True, text=True, check=True, errors="replace").stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_what_cannot_be_recorded_is_said_beside_its_button(
    bundle: Bundle, write_study: WriteStudy, tmp_path: Path
) -> None:
    with reported(tmp_path, bundle, write_study) as page:
        (tmp_path / "reviews.sqlite").rename(tmp_path / "elsewhere.sqlite")
        page.get_by_role("button", name="PDF", exact=True).click()
        page.get_by_text("Nothing was exported, since it could not be recorded.").wait_for()
        (tmp_path / "elsewhere.sqlite").rename(tmp_path / "reviews.sqlite")
        with page.expect_download():
            page.get_by_role("button", name="PDF", exact=True).click()
        page.get_by_text("Saved as").wait_for()
    assert len(recorded(tmp_path)) == 1
