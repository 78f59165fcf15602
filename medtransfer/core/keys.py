"""The key of the pseudonyms: 32 random bytes in one file, readable by its owner alone and kept outside the outputs.

Who has it can tell whom a pseudonym stands for; who loses it never can again. It is written once and never replaced.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import KeyFileError
from medtransfer.core.files import private_folder, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_BYTES: Final = 32

_FORM: Final = re.compile(rb"medtransfer-key-1 ([0-9a-f]{64})\n?")
_LONGEST: Final = 128
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0)
_POSIX: Final = os.name == "posix"


@dataclass(frozen=True)
class Key:
    """The secret; it is never printed."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """A short name of the key for outputs: tells a wrong key from the right one, and nothing else."""
        return hmac.new(self.secret, b"medtransfer key id 1", hashlib.sha256).hexdigest()[:16]


def default_key_place() -> Path:
    """`medtransfer/pseudonyms.key` in the user's folder of settings.

    Reference: XDG Base Directory Specification (a relative XDG_CONFIG_HOME is to be ignored).
    """
    named = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    home = named if named.is_absolute() else Path.home() / ".config"
    return home / "medtransfer" / "pseudonyms.key"


def key_at(path: Path | None = None, *, outputs: Iterable[Path] = ()) -> tuple[Key, bool]:
    """The key, made now where there is none.

    Args:
        path: Its file; None means `default_key_place()`.
        outputs: Folders that will be handed on; the key may lie in none of them.

    Returns:
        The key, and whether it is new.

    Raises:
        KeyFileError: `KeyInOutput`, and whatever `read_key` and `new_key` raise.
    """
    place = default_key_place() if path is None else path
    check_outside(place, outputs)
    if not os.path.lexists(place):
        try:
            return new_key(place), True
        except KeyFileError as error:
            if error.code != "KeyExists":
                raise
    return read_key(place), False  # perhaps one that another run has made since


def check_outside(place: Path, outputs: Iterable[Path]) -> None:
    """Refuse a key that lies in a folder of outputs, links resolved.

    Raises:
        KeyFileError: `KeyInOutput`.
    """
    for folder in outputs:
        if place.resolve().is_relative_to(folder.resolve()):
            raise KeyFileError(
                f"the key would lie inside the outputs in {folder}",
                code="KeyInOutput",
                path=place,
                hint="Choose a file outside with --key: who gets the outputs must not get the key.",
            )


def new_key(path: Path) -> Key:
    """Make a key and write it: a new file of mode 0600, in a folder of mode 0700 where that is new too.

    The file appears with its whole content, so that nobody who looks meanwhile, and no crash, finds half a key.

    Raises:
        KeyFileError: `KeyExists`: something is there already; `KeyUnwritable`: it cannot be written.
    """
    key = Key(secrets.token_bytes(KEY_BYTES))
    try:
        private_folder(path.parent)
        _write_new(path, b"medtransfer-key-1 " + key.secret.hex().encode("ascii") + b"\n")
        sync_folder(path.parent)
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.lexists(path):
            raise KeyFileError(
                "something is there already",
                code="KeyExists",
                path=path,
                hint="A key is never replaced: move it away.",
            ) from error
        raise KeyFileError(
            f"the key cannot be written: {error.strerror or error}",
            code="KeyUnwritable",
            path=path,
            hint="Choose another file with --key.",
        ) from error
    return key


def _write_new(path: Path, content: bytes) -> None:
    """A file that is whole once it has its name; FileExistsError where there is something, a link to nowhere too."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        _write_exclusive(temporary, content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            _write_exclusive(path, content)
    finally:
        temporary.unlink(missing_ok=True)


def _write_exclusive(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def read_key(path: Path) -> Key:
    """Read a key from its file, if nobody else can.

    Raises:
        KeyFileError: `NotFound`; `KeyExposed`: others may read or change it, or it is a link or another user's;
            `BadKey`: it holds something else.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_LINKS | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise _unopened(path, error) from error
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise _bad(path)
        if _POSIX:
            _check_private(path, state)
        content = os.read(descriptor, _LONGEST)
    except OSError as error:
        raise _unopened(path, error) from error
    finally:
        os.close(descriptor)
    found = _FORM.fullmatch(content)
    if found is None:
        raise _bad(path)
    return Key(bytes.fromhex(found[1].decode("ascii")))


def _check_private(path: Path, state: os.stat_result) -> None:
    if state.st_mode & 0o077:
        raise KeyFileError(
            f"others may use it: its mode is {stat.S_IMODE(state.st_mode):04o}",
            code="KeyExposed",
            path=path,
            hint=f"chmod 600 {path}. If somebody may have read it, its pseudonyms no longer protect anybody.",
        )
    if state.st_uid not in {os.geteuid(), 0}:
        raise KeyFileError(
            "it belongs to another user", code="KeyExposed", path=path, hint="Use a key of your own: --key FILE."
        )


def _unopened(path: Path, error: OSError) -> KeyFileError:
    if error.errno in {errno.ELOOP, errno.EMLINK}:
        return KeyFileError("it is a link", code="KeyExposed", path=path, hint="Name the file itself with --key.")
    return KeyFileError(
        f"the key cannot be read: {error.strerror or error}",
        code="NotFound" if isinstance(error, FileNotFoundError) else "Unreadable",
        path=path,
        hint="Name the key's file with --key. Without it nobody can tell whom a pseudonym stands for.",
    )


def _bad(path: Path) -> KeyFileError:
    return KeyFileError(
        "it holds no key of pseudonyms",
        code="BadKey",
        path=path,
        hint="Name the right file with --key, or restore it from a copy; a key cannot be mended.",
    )
