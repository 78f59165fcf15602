"""Look at studies and predictions in the browser, on this machine only.

Examples:
    medtransfer app --bundle runs/pneumonia/bundle --studies incoming/
    medtransfer app --bundle runs/pneumonia/bundle --studies incoming/ --key ~/.config/medtransfer/pseudonyms.key
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from medtransfer.cli.common import Common, Outcome
from medtransfer.core.errors import MedTransferError, UnusableInputError
from medtransfer.core.files import writable_folder
from medtransfer.core.keys import read_key
from medtransfer.core.places import bundled


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `app` takes."""

    bundle: Path
    """The bundle's folder."""
    studies: Path | None = None
    """Folder whose sub-folders and images can be opened; uploads work without one."""
    key: Path | None = None
    """Key of the pseudonyms: with it, and only with it, the app says who a patient is."""
    port: int = 8501
    """Port on 127.0.0.1."""
    out: Path | None = None
    """Write the server's log, app.log, into this folder instead of to the terminal."""


def run(arguments: Arguments) -> Outcome:
    """Start the server and stay until it is stopped."""
    from medtransfer.models.bundle import read_bundle

    if find_spec("streamlit") is None:
        raise UnusableInputError(
            "the app needs Streamlit", code="NotInstalled", hint="Install it: pip install 'medtransfer[app]'."
        )
    read_bundle(arguments.bundle)  # a wrong bundle or key is said here, not in the browser
    if arguments.key is not None:
        read_key(arguments.key)
    if arguments.studies is not None and not arguments.studies.is_dir():
        raise UnusableInputError(
            "there is no such folder", code="NotFound", path=arguments.studies, hint="Give a folder with --studies."
        )
    _check_port(arguments.port)
    place = bundled("apps")
    options = tomllib.loads((place / "options.toml").read_text(encoding="utf-8"))
    words = [sys.executable, "-m", "streamlit", "run", str(place / "app.py")]
    for name, value in options.items():
        words += [f"--{name}", str(value).lower() if isinstance(value, bool) else str(value)]
    words += ["--server.port", str(arguments.port), "--", "--bundle", str(arguments.bundle.resolve())]
    if arguments.studies is not None:
        words += ["--studies", str(arguments.studies.resolve())]
    if arguments.key is not None:
        words += ["--key", str(arguments.key.absolute())]
    code = _serve(words, arguments.out)
    if code not in {0, -2, 130}:
        raise MedTransferError(f"the server ended with code {code}", code="ServerFailed", hint="Try another --port.")
    return Outcome(facts={"stopped": True}, text="stopped")


def _check_port(port: int) -> None:
    """Refuse a port that cannot be listened on, before the server is started."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise UnusableInputError(
            f"port {port} cannot be listened on: {error}", code="NoPort", path="--port", hint="Choose another --port."
        ) from error


def _serve(words: list[str], out: Path | None) -> int:
    """Run the server until it ends; its exit code."""
    if out is None:
        return subprocess.run(words, check=False).returncode
    with (writable_folder(out) / "app.log").open("ab") as log:
        return subprocess.run(words, check=False, stdout=log, stderr=subprocess.STDOUT).returncode
