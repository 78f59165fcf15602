"""Every file below a folder, each once, with its first bytes."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.core.errors import ReadError
from medtransfer.data.found import Failed

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES = 512
"""Enough for the magic of DICOM (128), NIfTI (344) and all picture formats."""


@dataclass(frozen=True, kw_only=True)
class FileBelow:
    """A regular file and what it begins with."""

    path: Path
    head: bytes
    size: int


@dataclass(frozen=True, kw_only=True)
class Below:
    """What lies below a folder: files that open, and entries that do not. Both sorted by path."""

    files: tuple[FileBelow, ...]
    failed: tuple[Failed, ...]


def files_below(place: Path) -> Below:
    """Look at everything below `place`, hidden files too; a single file is its own tree.

    Links are followed. A link that leads nowhere, a link to a folder that it lies in (a loop), a socket
    or pipe, and whatever the system refuses to open, end in `failed` with code `Unreadable`.

    Raises:
        ReadError: `NotFound`: there is nothing at `place`.
    """
    if not os.path.lexists(place):
        raise ReadError(
            "there is no such file or folder",
            code="NotFound",
            path=place,
            hint="Check the path for typing errors.",
        )
    files: list[FileBelow] = []
    failed: list[Failed] = []
    waiting: list[tuple[Path, frozenset[str]]] = [(place, frozenset())]
    while waiting:
        path, parents = waiting.pop()
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                real = os.path.realpath(path)
                if real in parents:
                    failed.append(_unreadable(path, "the link leads back to a folder that it lies in"))
                    continue
                waiting.extend((child, parents | {real}) for child in path.iterdir())
            elif stat.S_ISREG(mode):
                with path.open("rb") as handle:
                    files.append(FileBelow(path=path, head=handle.read(HEAD_BYTES), size=path.stat().st_size))
            else:
                failed.append(_unreadable(path, "it is neither a file nor a folder"))
        except OSError as error:
            failed.append(_unreadable(path, error.strerror or str(error)))
    return Below(
        files=tuple(sorted(files, key=lambda file: file.path)),
        failed=tuple(sorted(failed, key=lambda entry: entry.path)),
    )


def _unreadable(path: Path, reason: str) -> Failed:
    error = ReadError(
        f"cannot be opened: {reason}",
        code="Unreadable",
        path=path,
        hint="Check the permissions and where links point to, or remove the entry.",
    )
    return Failed(path=path, error=error)
