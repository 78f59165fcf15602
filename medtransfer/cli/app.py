"""Look at studies and predictions in the browser, on this machine only.

Examples:
    medtransfer app --bundle runs/pneumonia/bundle --studies incoming/
    medtransfer app --bundle runs/pneumonia/bundle --studies incoming/ --predictions predicted/ --clinic clinic.toml
    medtransfer app --bundle runs/pneumonia/bundle --studies incoming/ --key ~/.config/medtransfer/pseudonyms.key
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

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
    predictions: Path | None = None
    """What `predict` wrote about these studies: scores in the worklist, once a study has been read."""
    runs: Path | None = None
    """Folder of training runs, for researchers."""
    reviews: Path | None = None
    """Where what readers say is kept; ~/.local/share/medtransfer/reviews.sqlite unless said otherwise."""
    clinic: Path | None = None
    """TOML file that says how the clinic reads, and who may."""
    port: int = 8501
    """Port on 127.0.0.1."""
    out: Path | None = None
    """Write the server's log, app.log, into this folder instead of to the terminal."""


def run(arguments: Arguments) -> Outcome:
    """Start the server and stay until it is stopped."""
    from medtransfer.evaluation.predictions_io import read_predictions
    from medtransfer.models.bundle import read_bundle

    if find_spec("streamlit") is None:
        raise UnusableInputError(
            "the app needs Streamlit", code="NotInstalled", hint="Install it: pip install 'medtransfer[app]'."
        )
    read_bundle(arguments.bundle)  # a wrong bundle or key is said here, not in the browser
    if arguments.key is not None:
        read_key(arguments.key)
    for name in ("studies", "runs"):
        _check_folder(name, getattr(arguments, name))
    if arguments.predictions is not None:
        read_predictions(arguments.predictions)
    if arguments.clinic is not None:
        _check_clinic(arguments.clinic)
    _check_port(arguments.port)
    words = [sys.executable, str(bundled("apps") / "serve.py"), "--port", str(arguments.port)]
    for name in ("bundle", "studies", "predictions", "key", "runs", "reviews", "clinic"):
        given: Path | None = getattr(arguments, name)
        if given is not None:  # a key may be a link that is meant to change
            words += [f"--{name}", str(given.absolute() if name == "key" else given.resolve())]
    code = _serve(words, arguments.out)
    if code != 0:
        raise MedTransferError(f"the server ended with code {code}", code="ServerFailed", hint="Try another --port.")
    return Outcome(facts={"stopped": True}, text="stopped")


def _check_folder(name: str, folder: Path | None) -> None:
    if folder is not None and not folder.is_dir():
        raise UnusableInputError(
            "there is no such folder", code="NotFound", path=folder, hint=f"Give a folder with --{name}."
        )


def _check_clinic(file: Path) -> None:
    """Refuse what is no TOML file, and lists of people where nobody can sign in: they would keep nobody out."""
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnusableInputError(
            f"cannot be read: {error}", code="NotAClinic", path=file, hint="Give a TOML file with --clinic."
        ) from error
    if (said.get("readers") or said.get("researchers")) and not _login_is_configured():
        raise UnusableInputError(
            "names readers or researchers, but nobody can sign in",
            code="NoLogin",
            path=file,
            hint="Configure [auth] in .streamlit/secrets.toml (apps/README.md), or leave the lists out.",
        )


def _login_is_configured() -> bool:
    """Has one of Streamlit's files of secrets a section `[auth]`?"""
    for folder in (Path.home(), Path.cwd(), bundled("apps")):
        file = folder / ".streamlit" / "secrets.toml"
        try:
            if "auth" in tomllib.loads(file.read_text(encoding="utf-8")):
                return True
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue
    return False


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
    """Run the server until it ends; its exit code, 0 where it was asked to end."""
    with ExitStack() as open_files:
        log = None if out is None else open_files.enter_context((writable_folder(out) / "app.log").open("ab"))
        # in a session of its own, the server hears of Ctrl-C once, and from here
        server = subprocess.Popen(
            words, stdout=log, stderr=None if log is None else subprocess.STDOUT, start_new_session=True
        )
        with _passed_on_to(server) as asked:
            code = server.wait()
    return 0 if asked else code


@contextmanager
def _passed_on_to(server: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Whoever asks this process to end asks the server, which would otherwise outlive it; yields what was asked."""
    asked: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        asked.append(number)
        server.send_signal(signal.SIGTERM)

    known = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heard = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]  # nohup stays nohup
    before = {number: signal.signal(number, pass_on) for number in heard}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
