"""The server as it runs: two browsers, a session that ends, a server that is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import WriteStudy

HOME = Path(__file__).parents[3]
CHROMIUM = shutil.which("chromium")
BASE = "ward/clinic"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


class Server:
    """A running server, and where it keeps what is uploaded."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.process, self.port, self.folder = process, port, folder
        self.address = f"http://127.0.0.1:{port}/{BASE}"

    def spools(self) -> list[Path]:
        return list((self.folder / "tmp").glob("medtransfer-upload-*"))

    def status(self, path: str, token: str = "", host: str = "") -> int:
        request = urllib.request.Request(f"{self.address}/{path}")
        request.add_header("Authorization", f"Bearer {token}")
        if host:
            request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/medtransfer/health", timeout=10) as answer:
            return json.load(answer)


def until(what: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@contextmanager
def serving(folder: Path, bundle: Bundle, studies: Path, *others: str | Path, port: int = 0) -> Iterator[Server]:
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
        port = free.getsockname()[1]
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder),
        "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1",
        "STREAMLIT_SERVER_BASE_URL_PATH": BASE,
    }
    words = [sys.executable, str(HOME / "apps" / "serve.py"), "--port", str(port), "--bundle", str(bundle.folder)]
    words += ["--studies", str(studies), "--reviews", str(folder / "reviews.sqlite"), *map(str, others)]
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(words, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    server = Server(process, port, folder)
    try:
        until(lambda: process.poll() is None and _answers(server), 60)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(server: Server) -> bool:
    try:
        return server.health()["status"] == "ok"
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def studies(tmp_path: Path, write_study: WriteStudy) -> Path:
    for number, name in enumerate(("one.dcm", "two.dcm")):
        write_study(tmp_path / "studies" / name, WindowCenter=100 + number, WindowWidth=50, PatientID=f"SECRET{number}")
    return tmp_path / "studies"


@contextmanager
def page_of(browser: Any, address: str) -> Iterator[tuple[Any, list[tuple[str, str]]]]:
    """A browser of its own on a page, and the voxels that it asks for: address and token."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[tuple[str, str]] = []

    def keep(request: Any) -> None:
        if "/medtransfer/voxels/" in request.url:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            asked.append((request.url.split(f"/{BASE}/")[1], token))

    page.on("request", keep)
    page.goto(address)
    yield page, asked
    context.close()


@pytest.mark.slow
def test_two_sessions_never_cross_and_end_with_their_pages(
    browser: Any, bundle: Bundle, studies: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, bundle, studies) as server:
        with (
            page_of(browser, f"{server.address}/study?study=one.dcm") as (first, ones),
            page_of(browser, f"{server.address}/study?study=two.dcm") as (second, twos),
        ):
            until(lambda: first.wait_for_timeout(50) or second.wait_for_timeout(50) or (ones and twos))
            (one, one_token), (two, two_token) = ones[0], twos[0]
            assert one != two
            assert one_token != two_token
            assert server.status(one, one_token) == server.status(two, two_token) == 200
            assert server.status(one, two_token) == server.status(two, one_token) == server.status(one) == 403
            assert server.health()["sessions"] == 2
            first.reload()
            until(lambda: first.wait_for_timeout(50) or len(ones) > 1)
            assert ones[-1][1] != one_token, "a page that is loaded anew is another session"
        until(lambda: server.health()["sessions"] == 0)
        assert server.status(one, one_token) == server.status(two, two_token) == 403
        log = (tmp_path / "log.txt").read_text()
        for secret in (one_token, two_token, "SECRET", "one.dcm", "two.dcm"):
            assert secret not in log
        assert "Traceback" not in log


@pytest.mark.slow
def test_uploads_go_with_their_session_and_with_a_killed_server(
    browser: Any, bundle: Bundle, studies: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, bundle, studies) as server:
        with page_of(browser, server.address) as (page, asked):
            page.get_by_text("Upload a study").click()
            page.locator("input[type=file]").set_input_files(str(studies / "one.dcm"))
            until(lambda: page.wait_for_timeout(50) or server.spools())
            page.get_by_role("button", name="Open the uploaded study").click()
            until(lambda: page.wait_for_timeout(50) or asked)
            (spool,) = server.spools()
            assert [file.name for file in spool.iterdir()] == ["0001.dcm"]
            assert spool.stat().st_mode & 0o777 == 0o700
        until(lambda: not server.spools())
        with page_of(browser, server.address) as (page, _):
            page.locator("input[type=file]").set_input_files(str(studies / "two.dcm"))
            until(lambda: page.wait_for_timeout(50) or server.spools())
            server.process.kill()
            server.process.wait()
        assert server.spools(), "one that is killed can remove nothing"
    with serving(tmp_path, bundle, studies) as server:
        assert not server.spools()


@pytest.mark.slow
def test_a_name_that_is_not_allowed_gets_no_session(bundle: Bundle, studies: Path, tmp_path: Path) -> None:
    """DNS rebinding: a page of another site that has made its name point here."""
    with serving(tmp_path, bundle, studies) as server:
        assert _upgraded(server, f"127.0.0.1:{server.port}") == 101
        assert _upgraded(server, "evil.example:80") == 403
        assert server.status("_stcore/agent/v1/sessions") in {403, 404, 405}


def _upgraded(server: Server, host: str) -> int:
    """Status of the answer to the request for a websocket under that name."""
    lines = [
        f"GET /{BASE}/_stcore/stream HTTP/1.1",
        f"Host: {host}",
        f"Origin: http://{host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        link.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(link.recv(64).split()[1])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_asked_to_end_gives_everything_back(
    bundle: Bundle, studies: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path, bundle, studies) as server:
        server.process.send_signal(number)
        assert server.process.wait(20) == 130
    assert "leaked" not in (tmp_path / "log.txt").read_text()
