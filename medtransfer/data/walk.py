"""Every file below a folder, each once, with its first bytes."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medtransfer.core.errors import ReadError
from medtransfer.data.archive import first_bytes, is_archive, members
from medtransfer.data.found import Excluded, Failed

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES = 512
"""Enough for the magic of DICOM (128), NIfTI (344) and all picture formats."""

NESTED_ARCHIVE = "nested_archive"
"""Rule for archives inside archives: they are not opened."""

_DICOMDIR = b"1.2.840.10008.1.3.10"


@dataclass(frozen=True, kw_only=True)
class FileBelow:
    """A regular file and what it begins with."""

    path: Path
    head: bytes
    size: int


@dataclass(frozen=True, kw_only=True)
class Below:
    """What lies below a folder: files that open, entries that do not, and what a rule leaves out. Sorted by path."""

    files: tuple[FileBelow, ...]
    failed: tuple[Failed, ...]
    excluded: tuple[Excluded, ...] = ()


@dataclass
class _Walk:
    """What has been seen so far; `root` is the real path that links must stay inside."""

    root: str
    files: list[FileBelow] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    excluded: list[Excluded] = field(default_factory=list)


def files_below(place: Path) -> Below:
    """Look at everything below `place`, hidden files too; a single file is its own tree.

    Links are followed while they stay inside `place`; one that leads out is `failed` with code `OutsideFolder`. A link
    that leads nowhere, a link to a folder that it lies in (a loop), a socket or pipe, and whatever the system refuses
    to open, are `Unreadable`. Where `place` itself is a link, what it leads to counts.

    A zip archive stands for its members, `archive.zip/inner/name`, and such a name for that member, or those below that
    folder, alone; see `medtransfer.data.archive` for what is refused. An archive without members is `EmptyArchive`. A
    DICOMDIR given as `place` stands for itself and the files that it names; what it names and cannot be read, the DICOM
    loader says.

    Raises:
        ReadError: `NotFound`: there is nothing at `place`; or the DICOMDIR given cannot be read.
    """
    if not os.path.lexists(place):
        return _inside_archive(place)
    real = os.path.realpath(place)
    seen = _Walk(root=real)
    waiting = [(place, False, frozenset[str]())]
    while waiting:
        path, is_link, parents = waiting.pop()
        try:
            waiting.extend(_look(path, is_link, parents, seen))
        except OSError as error:
            seen.failed.append(_unreadable(path, error.strerror or str(error)))
    if len(seen.files) == 1 and seen.files[0].path == place and _is_directory(seen.files[0].head):
        seen.root = os.path.realpath(place.parent)
        _add_named(place, seen)
    return _sorted(seen)


def _sorted(seen: _Walk) -> Below:
    return Below(
        files=tuple(sorted(seen.files, key=lambda file: file.path)),
        failed=tuple(sorted(seen.failed, key=lambda entry: entry.path)),
        excluded=tuple(sorted(seen.excluded, key=lambda entry: entry.path)),
    )


def _inside_archive(place: Path) -> Below:
    """A member of an archive, or those below a folder in it."""
    archive = next((parent for parent in place.parents if parent.is_file()), None)
    seen = _Walk(root="")
    if archive is not None:
        _add_members(archive, seen, below=place)
    if not (seen.files or seen.failed or seen.excluded):
        raise ReadError(
            "there is no such file or folder",
            code="NotFound",
            path=place,
            hint="Check the path for typing errors.",
        )
    return _sorted(seen)


def _look(path: Path, is_link: bool, parents: frozenset[str], seen: _Walk) -> list[tuple[Path, bool, frozenset[str]]]:
    """Add a file, or answer what lies in a folder."""
    state = path.stat()
    if is_link and not _is_inside(os.path.realpath(path), seen.root):
        seen.failed.append(_failed(path, "OutsideFolder", "is a link that leads out of the folder"))
    elif stat.S_ISDIR(state.st_mode):
        real = os.path.realpath(path)
        if real in parents:
            seen.failed.append(_unreadable(path, "the link leads back to a folder that it lies in"))
            return []
        with os.scandir(path) as entries:
            return [(path / entry.name, entry.is_symlink(), parents | {real}) for entry in entries]
    elif stat.S_ISREG(state.st_mode):
        with path.open("rb", buffering=0) as handle:
            head = handle.read(HEAD_BYTES)
        if is_archive(path, head):
            _add_members(path, seen)
        else:
            seen.files.append(FileBelow(path=path, head=head, size=state.st_size))
    else:
        seen.failed.append(_unreadable(path, "it is neither a file nor a folder"))
    return []


def _add_members(archive: Path, seen: _Walk, *, below: Path | None = None) -> None:
    """One entry a member (`below` a folder in it, or that member); one for an archive without any, or a bad one."""
    try:
        listed = members(archive)
    except ReadError as error:
        seen.failed.append(Failed(path=archive, error=_at_find(error)))
        return
    if not listed:
        seen.failed.append(_failed(archive, "EmptyArchive", "holds no files"))
    for path, size in listed.items():
        if below is not None and below != path and below not in path.parents:
            continue
        if isinstance(size, ReadError):
            seen.failed.append(Failed(path=path, error=_at_find(size)))
            continue
        try:
            head = first_bytes(path, HEAD_BYTES)
        except ReadError as error:
            seen.failed.append(Failed(path=path, error=_at_find(error)))
            continue
        except OSError as error:  # a name longer than the system allows
            seen.failed.append(_unreadable(path, error.strerror or str(error)))
            continue
        if is_archive(path, head):
            reason = "an archive inside an archive is not opened; unpack the outer one to have it read"
            seen.excluded.append(Excluded(path=path, rule=NESTED_ARCHIVE, reason=reason))
        else:
            seen.files.append(FileBelow(path=path, head=head, size=size))


def _add_named(directory: Path, seen: _Walk) -> None:
    from medtransfer.data.dicom.directory import directory_files

    for path in directory_files(directory):
        try:
            _look(path, True, frozenset(), seen)
        except OSError as error:
            seen.failed.append(_unreadable(path, error.strerror or str(error)))


def _is_directory(head: bytes) -> bool:
    return head[128:132] == b"DICM" and _DICOMDIR in head


def _is_inside(real: str, root: str) -> bool:
    return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


def _at_find(error: ReadError) -> ReadError:
    error.stage = error.stage or "find"
    return error


def _unreadable(path: Path, reason: str) -> Failed:
    return _failed(path, "Unreadable", f"cannot be opened: {reason}")


def _failed(path: Path, code: str, message: str) -> Failed:
    cure = {
        "Unreadable": "Check the permissions and where links point to, or remove the entry.",
        "OutsideFolder": "Copy what it leads to into the folder, or name that folder too.",
        "EmptyArchive": "Remove it, or copy it again.",
    }
    return Failed(path=path, error=ReadError(message, code=code, path=path, hint=cure[code], stage="find"))
