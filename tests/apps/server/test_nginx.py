"""The recipe of apps/README.md as it stands there, in a real nginx: only ports, folders and the path are others."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps.server.test_serving import BASE, CHROMIUM, HOME, Server, serving, until

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle

NGINX, OPENSSL = shutil.which("nginx"), shutil.which("openssl")
HOST = "clinic.example.org"
CERTIFICATE = f"{OPENSSL} req -x509 -newkey rsa:2048 -nodes -keyout clinic.key -out clinic.pem -days 1 -subj /CN={HOST}"

pytestmark = pytest.mark.skipif(not (NGINX and OPENSSL and CHROMIUM), reason="nginx, openssl or chromium is missing")


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def proxy(server: Server, folder: Path) -> Iterator[str]:
    """The address under which nginx serves it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    subprocess.run(CERTIFICATE.split(), cwd=folder, check=True, capture_output=True)
    text = (HOME / "apps" / "README.md").read_text(encoding="utf-8")
    recipe = re.findall(r"Then, in nginx:\n\n((?:(?: {4}.*)?\n)+)", text)[0]
    here = {":8501": f":{server.port}", "listen 443": f"listen 127.0.0.1:{port}", "10.0.0.5": "127.0.0.1"}
    here |= {"/etc/nginx": str(folder), "/var/log/nginx": str(folder), "/reading/": f"/{BASE}/"}
    for said, instead in here.items():
        assert said in recipe
        recipe = recipe.replace(said, instead)
    kinds = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    around = f"daemon off; pid nginx.pid; events {{}} http {{ {kinds} access_log {folder}/access.txt;\n{recipe}}}\n"
    (folder / "nginx.conf").write_text(around, encoding="utf-8")
    process = subprocess.Popen([str(NGINX), "-p", folder, "-c", "nginx.conf", "-e", folder / "start.txt"])
    try:
        until(lambda: process.poll() is None and listens(port))
        yield f"https://{HOST}:{port}/{BASE}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
def test_everything_comes_through(
    bundle: Bundle, studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", f"{HOST},localhost,127.0.0.1")
    clinic = tmp_path / "clinic.toml"
    clinic.write_text('protocol = "NCT01234567"')
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    answers: set[tuple[str, str, int]] = set()

    def keep(response: Any) -> None:
        place = response.url.partition(f"/{BASE}/")[2].rsplit("/", 1)[0]
        answers.add((response.request.method, "/".join(place.split("/")[:2]), response.status))

    with (
        serving(tmp_path, bundle, studies, "--clinic", clinic) as server,
        proxy(server, tmp_path) as address,
        playwright.sync_playwright() as driver,
    ):
        flags.append(f"--host-resolver-rules=MAP {HOST} 127.0.0.1")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(ignore_https_errors=True)
        page.on("response", keep)
        page.goto(address)
        page.get_by_text("Upload a study").click(timeout=60_000)
        page.locator("input[type=file]").set_input_files(str(studies / "good.dcm"))
        page.get_by_role("button", name="Open the uploaded study").click()
        page.locator(".viewer[data-whole=yes]").wait_for(timeout=60_000)
        until(lambda: page.wait_for_timeout(50) or ("POST", "medtransfer", 204) in answers)
        assert {("PUT", "_stcore/upload_file", 204), ("GET", "medtransfer/voxels", 200)} <= answers
        page.goto(f"{address}/reviews")
        with page.expect_download(timeout=60_000) as download:
            page.get_by_role("button", name="JSONL, CSV and iMRMC").click(timeout=60_000)
        assert Path(download.value.path()).read_bytes().startswith(b"PK")
        health = page.goto(f"{address}/medtransfer/health")
        assert health.json()["status"] == "ok"
        browser.close()
    assert not {answer for answer in answers if answer[2] >= 400 and answer[2] != 404}  # a page looks where its base is
    assert "good" not in "".join(file.read_text() for file in (tmp_path / "access.txt", tmp_path / "error.log"))
