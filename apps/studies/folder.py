"""Studies in a folder of the server: each image file directly in it, and each sub-folder that holds images.

A NIfTI file is a study of its own wherever it lies: it is a whole volume and names no patient, and those of many
patients usually lie in one folder.

A study is chosen from this list and never by a path, so that no name can lead out of the folder.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from apps.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES: Final = (".dcm", ".dicom", ".nii", ".nii.gz", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
VOLUMES: Final = (".nii", ".nii.gz")
MOST_STUDIES: Final = 2_000
MOST_FILES: Final = 2_000
"""Files that one study may have: a long CT, with its scouts."""

_MAGIC_AT, _MAGIC = 128, b"DICM"


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study: its files, and how it and they are called on the screen."""

    name: str
    files: tuple[Path, ...]
    names: tuple[str, ...]
    arrived: float = 0.0
    """When the newest of its files was written, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The studies of a folder.

    `outside` counts links that lead out of it; `cut` says that it has more studies than are listed.
    """

    studies: tuple[Study, ...]
    outside: int = 0
    cut: bool = False

    def position(self, name: str) -> int | None:
        """Where the study of exactly this name stands, or None."""
        return next((i for i, study in enumerate(self.studies) if study.name == name), None)


def list_studies(root: Path) -> Listing:
    """Look through a folder, decoding nothing.

    Hidden entries are left out, linked folders not entered.
    """
    root = root.resolve()
    studies: list[Study] = []
    outside, waiting = 0, [root]
    while waiting:
        folder = waiting.pop()
        below, found = _entries(folder)
        waiting += reversed(below)
        images = [file for file in found if _is_image(file)]
        inside = [file for file in images if not file.is_symlink() or Path(file).resolve().is_relative_to(root)]
        outside += len(images) - len(inside)
        together = [] if folder == root else [file for file in inside if not file.name.lower().endswith(VOLUMES)]
        alone = inside if folder == root else [file for file in inside if file.name.lower().endswith(VOLUMES)]
        studies += [_study(Path(file).relative_to(root).as_posix(), (file,)) for file in alone]
        if together:
            studies.append(_study(folder.relative_to(root).as_posix(), together))
        if len(studies) > MOST_STUDIES:
            return Listing(studies=_told_apart(studies[:MOST_STUDIES]), outside=outside, cut=True)
    return Listing(studies=_told_apart(studies), outside=outside)


def _told_apart(studies: list[Study]) -> tuple[Study, ...]:
    """Names that differ only in what cannot be printed get a number, since a study is opened by its name."""
    met: Counter[str] = Counter()
    told: list[Study] = []
    for study in studies:
        met[study.name] += 1
        again = met[study.name]
        told.append(study if again == 1 else replace(study, name=f"{study.name} ({again})"))
    return tuple(told)


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


def _study(name: str, files: Sequence[os.DirEntry[str]]) -> Study:
    return Study(
        name=printable(name),
        files=tuple(Path(file) for file in files),
        names=tuple(printable(file.name) for file in files),
        arrived=max(_written(file) for file in files),
    )


def _written(file: os.DirEntry[str]) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0  # gone meanwhile: opening it says so


def _is_image(file: os.DirEntry[str]) -> bool:
    """By name, or by DICOM's magic for files without a telling one; links that lead nowhere are none."""
    try:
        if not file.is_file():
            return False
        if file.name.lower().endswith(SUFFIXES):
            return True
        with Path(file).open("rb") as handle:
            return handle.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC
    except OSError:
        return False
