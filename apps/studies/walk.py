"""The files of a folder of the server, level by level: those that are to be studies, and how many are no images.

Nothing is decoded. Hidden entries are left out, linked folders not entered.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SUFFIXES: Final = (".dcm", ".dicom", ".nii", ".nii.gz", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
MOST_FILES_MET: Final = 500_000
"""Files after which the walk ends: a folder of so many is no worklist."""

_MAGIC_AT, _MAGIC = 128, b"DICM"
_GROUPS = (b"\x02\x00", b"\x08\x00")
"""With which a DICOM data set without preamble begins."""

Stamp = tuple[int, int]
"""Size in bytes, and when it was written, in nanoseconds: what tells a file from the same one written anew."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is, or claims to be, or may have been an image."""

    path: str
    name: str
    stamp: Stamp


@dataclass(frozen=True, kw_only=True)
class Level:
    """What lies directly in one folder."""

    folder: Path
    files: tuple[File, ...]


@dataclass(kw_only=True)
class Walk:
    """A folder as it was met; `cut` says that it has more than was looked at."""

    root: Path
    levels: list[Level] = field(default_factory=list)
    outside: int = 0
    """Links that lead out of it."""
    others: Counter[str] = field(default_factory=Counter)
    """Files that are no images, by suffix."""
    cut: bool = False


class Walker:
    """Walks one folder again and again; the beginning of a file is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._images: dict[tuple[str, Stamp], bool] = {}

    def walk(self, *, most: int = MOST_FILES_MET) -> Walk:
        """Look at every entry."""
        found = Walk(root=self.root)
        seen: dict[tuple[str, Stamp], bool] = {}
        waiting, met = [self.root], 0
        while waiting:
            folder = waiting.pop()
            below, entries = _entries(folder)
            waiting += reversed(below)
            met += len(entries)
            files = tuple(file for entry in entries if (file := self._file(entry, found, seen)) is not None)
            if files:
                found.levels.append(Level(folder=folder, files=files))
            if met > most:
                found.cut = bool(waiting)
                break
        self._images = seen
        return found

    def _file(self, entry: os.DirEntry[str], found: Walk, seen: dict[tuple[str, Stamp], bool]) -> File | None:
        try:
            if not entry.is_file():
                return None
            state = entry.stat()
        except OSError:
            return None  # gone meanwhile, or a link that leads nowhere
        file = File(entry.path, entry.name, (state.st_size, state.st_mtime_ns))
        if not entry.name.lower().endswith(SUFFIXES):
            key = (file.path, file.stamp)
            known = self._images.get(key)
            seen[key] = begins_like_an_image(Path(file.path)) if known is None else known
            if not seen[key]:
                found.others[Path(entry.name).suffix.lower()] += 1
                return None
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(self.root):
            found.outside += 1
            return None
        return file


def begins_like_an_image(file: Path) -> bool:
    """Whether a file without a telling name is DICOM, with or without a preamble, or may have been: it is no text.

    What cannot be opened is taken for one, so that opening it says why.
    """
    try:
        with file.open("rb") as handle:
            head = handle.read(_MAGIC_AT + len(_MAGIC))
    except OSError:
        return True
    if head[_MAGIC_AT:] == _MAGIC or head.startswith(_GROUPS):
        return True
    return not _is_named_otherwise(file.name) and not (head and _is_text(head))


def _is_named_otherwise(name: str) -> bool:
    """`report.docx` is; `IM0001`, `IM.0001` and `1.2.840.113619.2.5` are not."""
    suffix = Path(name).suffix[1:]
    return any(c.isalpha() for c in suffix)


def _is_text(head: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 27 for byte in head)


def _entries(folder: Path) -> tuple[list[Path], list[os.DirEntry[str]]]:
    """Sub-folders and files by name; a folder that cannot be looked into has neither.

    `scandir` instead of `Path`: it knows a file's kind without another question to a slow network folder.
    """
    try:
        with os.scandir(folder) as listed:
            entries = sorted(
                (entry for entry in listed if not entry.name.startswith(".")), key=lambda entry: entry.name
            )
    except OSError:
        return [], []
    below = [Path(entry) for entry in entries if _is_folder(entry)]
    return below, [entry for entry in entries if not _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
