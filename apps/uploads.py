"""Uploaded files: written to a folder of this session alone, which goes when they do.

Their names are shown and never used as paths.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from apps.studies import SUFFIXES, Study
from apps.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Uploaded(Protocol):
    """What we need of Streamlit's uploaded file."""

    file_id: str
    name: str

    def getbuffer(self) -> memoryview: ...


class Spool:
    """Uploaded files on disk, gone with `remove`, with the last reference (the session's) or at exit."""

    def __init__(self, uploads: Sequence[Uploaded]) -> None:
        self.ids = upload_ids(uploads)
        self.folder = Path(tempfile.mkdtemp(prefix="medtransfer-upload-"))
        self.remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        files = tuple(_written(upload, self.folder, number) for number, upload in enumerate(uploads, start=1))
        names = tuple(printable(upload.name) for upload in uploads)
        name = names[0] if len(names) == 1 else f"{len(names)} uploaded files"
        self.study = Study(name=name, files=files, names=names)


def upload_ids(uploads: Sequence[Uploaded]) -> tuple[str, ...]:
    """What tells these uploads from others."""
    return tuple(upload.file_id for upload in uploads)


def _written(upload: Uploaded, folder: Path, number: int) -> Path:
    """Write one file as `0001.dcm`: of its name only a known suffix is kept, its claim to a format."""
    suffix = next((suffix for suffix in SUFFIXES if upload.name.lower().endswith(suffix)), "")
    path = folder / f"{number:04d}{suffix}"
    path.write_bytes(upload.getbuffer())
    return path
