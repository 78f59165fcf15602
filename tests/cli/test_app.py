"""`app`: what cannot be served is refused before a server is started, and what it is started with."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from medtransfer.cli import app
from medtransfer.cli.main import main
from medtransfer.core.places import bundled
from tests.apps.conftest import bundle, make_bundle

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle

__all__ = ["bundle", "make_bundle"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the server would have been started with."""
    found: list[list[str]] = []

    def serve(words: list[str], out: Path | None) -> int:
        del out
        found.append(words)
        return 0

    monkeypatch.setattr(app, "_serve", serve)
    return found


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def test_every_flag_reaches_the_server_as_it_was_meant(
    bundle: Bundle, started: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("studies", "runs"):
        (tmp_path / name).mkdir()
    (tmp_path / "clinic.toml").write_text('reveal = "always"\n')
    port = free_port()
    relative = os.path.relpath(bundle.folder)
    words = ["app", "--bundle", relative, "--studies", "studies", "--runs", "runs", "--port", port]
    assert main([*words, "--clinic", "clinic.toml", "--reviews", "r.sqlite"]) == 0
    (found,) = started
    assert Path(found[1]) == bundled("apps") / "serve.py"
    given = dict(zip(found[2::2], found[3::2], strict=True))
    assert given == {
        "--port": port,
        "--bundle": str(bundle.folder),
        "--studies": str(tmp_path / "studies"),
        "--runs": str(tmp_path / "runs"),
        "--reviews": str(tmp_path / "r.sqlite"),
        "--clinic": str(tmp_path / "clinic.toml"),
    }


def refusal(words: list[Any], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["app", *map(str, words)]) == 2
    return capsys.readouterr().err


SERVER = """
import signal, sys, time
from pathlib import Path
def end(number, frame):
    Path("asked").touch()
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
Path("ready").touch()
time.sleep(60)
"""
START = """
import signal, sys
from pathlib import Path
from medtransfer.cli.app import _serve
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN if str(int(number)) in sys.argv[1:] else signal.SIG_DFL)
Path("code").write_text(str(_serve([sys.executable, "server.py"], None)))
"""


@contextmanager
def served(folder: Path, *ignored: signal.Signals) -> Iterator[subprocess.Popen[bytes]]:
    """A program that stays for as long as its server, which says who asked it to end."""
    (folder / "server.py").write_text(SERVER)
    (folder / "start.py").write_text(START)
    process = subprocess.Popen([sys.executable, "start.py", *(str(int(number)) for number in ignored)], cwd=folder)
    try:
        until = time.monotonic() + 60
        while not (folder / "ready").exists() and time.monotonic() < until:
            time.sleep(0.02)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_server_ends_with_who_started_it(number: signal.Signals, tmp_path: Path) -> None:
    with served(tmp_path) as process:
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
    assert (tmp_path / "asked").exists()
    assert (tmp_path / "code").read_text() == "0"  # ended as asked, so without a fault


def test_what_was_told_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    with served(tmp_path, signal.SIGHUP) as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        assert process.poll() is None
        assert not (tmp_path / "asked").exists()


def test_a_server_that_ends_by_itself_says_how(tmp_path: Path) -> None:
    assert app._serve([sys.executable, "-c", "raise SystemExit(3)"], None) == 3
    assert app._serve([sys.executable, "-c", "print('said')"], tmp_path / "log") == 0
    assert (tmp_path / "log" / "app.log").read_text() == "said\n"


def test_what_is_not_there_is_said_at_once(
    bundle: Bundle, started: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = ["--bundle", bundle.folder]
    (tmp_path / "broken.toml").write_text("readers = [")
    assert "NotFound" in refusal([*begin, "--studies", tmp_path / "none"], capsys)
    assert "NotFound" in refusal([*begin, "--runs", tmp_path / "none"], capsys)
    for name in ("none.toml", "broken.toml"):
        assert "NotAClinic" in refusal([*begin, "--clinic", tmp_path / name], capsys)
    refusal([*begin, "--predictions", tmp_path / "none"], capsys)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "NoPort" in refusal([*begin, "--port", taken.getsockname()[1]], capsys)
    assert not started


@pytest.mark.parametrize("role", ["readers", "researchers"])
def test_lists_of_people_need_a_login(
    bundle: Bundle,
    started: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    role: str,
) -> None:
    """Without one, everybody who reaches the port would have every role."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clinic.toml").write_text(f'{role} = ["anna@example.org"]\n')
    words = ["--bundle", bundle.folder, "--clinic", "clinic.toml", "--port", free_port()]
    said = refusal(words, capsys)
    assert "NoLogin" in said
    assert "[auth]" in said
    assert not started
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text('[auth]\ncookie_secret = "x"\n')
    assert main(["app", *map(str, words)]) == 0
    assert len(started) == 1
