"""Studies in a folder of the server: each image file directly in it, and each sub-folder that holds images.

A NIfTI file is a study of its own wherever it lies: it is a whole volume and names no patient, and those of many
patients usually lie in one folder.

A study is chosen from this list and never by a path, so that no name can lead out of the folder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.text import printable

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
    outside = 0
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        images = [
            Path(folder, name) for name in sorted(names) if not name.startswith(".") and _is_image(Path(folder, name))
        ]
        inside = [file for file in images if file.resolve().is_relative_to(root)]
        outside += len(images) - len(inside)
        alone = [file for file in inside if Path(folder) == root or file.name.lower().endswith(VOLUMES)]
        studies += [_study(file.relative_to(root).as_posix(), (file,)) for file in alone]
        if together := tuple(file for file in inside if file not in alone):
            studies.append(_study(Path(folder).relative_to(root).as_posix(), together))
        if len(studies) > MOST_STUDIES:
            return Listing(studies=tuple(studies[:MOST_STUDIES]), outside=outside, cut=True)
    return Listing(studies=tuple(studies), outside=outside)


def _study(name: str, files: tuple[Path, ...]) -> Study:
    return Study(name=printable(name), files=files, names=tuple(printable(file.name) for file in files))


def _is_image(file: Path) -> bool:
    """By name, or by DICOM's magic for files without a telling one; links that lead nowhere are none."""
    try:
        if not file.is_file():
            return False
        if file.name.lower().endswith(SUFFIXES):
            return True
        with file.open("rb") as handle:
            return handle.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC
    except OSError:
        return False
