"""Files are written whole or not at all, and digested the same way everywhere.

Who may read them: a file with a row for each patient, study or file, or with pictures of them, is `private`, for its
owner alone (mode 0600, new folders 0700), pseudonyms or not: ledgers, cohorts, predictions, journals, inspections and
converted cohorts. What lists nobody (plans, bundles, evaluations, reports) is as the system's mask says. Folders that
are there already keep their modes: whoever shares one with a group has said so.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def written_whole(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on leaving without an error it becomes `path`.

    The temporary file lies in the same directory, so that the rename is atomic; file and directory
    are synced, so that the name never points at unwritten blocks. After an error nothing is left.

    Args:
        path: Where the file will be.
        private: For its owner's eyes only: mode 0600 from the first byte on, folders that have to be made 0700.

    Raises:
        OutputError: The folder cannot be made or written to.
    """
    try:
        if private:
            private_folder(path.parent)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        if private:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.chmod(0o600 if private else 0o666 & ~_umask())  # libraries write with modes of their own
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write `content` to `path`, whole or not at all; `private` as in `written_whole`."""
    with written_whole(path, private=private) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str, *, private: bool = False) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all; `private` as in `written_whole`."""
    write_bytes(path, content.encode(), private=private)


def private_folder(path: Path) -> None:
    """Make a folder and those above it where they are not there; new ones are of mode 0700.

    Raises:
        OSError: It cannot be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)


def writable_folder(path: Path, *, private: bool = False) -> Path:
    """Make `path` a folder that can be written to, and say so early rather than after hours of work.

    Args:
        path: The folder.
        private: Folders that have to be made are of mode 0700.

    Raises:
        OutputError: It is a file, or cannot be made or written to.
    """
    probe = path / f".{secrets.token_hex(6)}.probe"
    try:
        if private:
            private_folder(path)
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable (a no-op where folders cannot be opened, as on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def same_files(ours: Iterable[Path], theirs: Iterable[Path]) -> list[Path]:
    """Those of `theirs` whose bytes are those of one of `ours`. Only files of equal size are read."""
    by_size: dict[int, list[Path]] = {}
    for path in ours:
        if path.is_file():
            by_size.setdefault(path.stat().st_size, []).append(path)
    digests: dict[int, set[str]] = {}
    found = []
    for path in theirs:
        size = path.stat().st_size if path.is_file() else -1
        if size not in by_size:
            continue
        if size not in digests:
            digests[size] = {file_digest(other) for other in by_size[size]}
        if file_digest(path) in digests[size]:
            found.append(path)
    return found


def text_digest(*parts: str) -> str:
    """SHA-256 of several strings in hex; the parts cannot run into each other."""
    return texts_digest(parts)


def texts_digest(parts: Iterable[str]) -> str:
    """`text_digest` of strings that need not be held together."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()


def patient_digest(patient_id: str, *, site: str = "") -> str:
    """How a bundle names a training patient: enough to recognise one, and no plain identifier.

    A bundle names each of its patients twice. With the site: that very patient is recognised, and another hospital's
    patient of the same number is not taken for them. Without one: a patient whose site is unknown is recognised, and
    equal numbers at two hospitals can be pointed out.
    """
    return text_digest("patient", site, patient_id)[:32]


def _umask() -> int:
    """The process's mask; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot be written: {error.strerror or error}",
        code="Unwritable",
        path=path,
        hint="Choose another folder with --out, or free space and check the permissions.",
    )
