"""Uploaded files: written to a folder of this session alone, which goes with them, or with the session.

Their names are shown and never used as paths. Streamlit holds uploads in memory, and goes on holding them after a
session has quietly expired: its copies are dropped as soon as the study is open, and at the end of the session.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from streamlit.runtime.scriptrunner import get_script_run_ctx

import medtransfer as mt
from apps.server.session import at_session_end
from apps.studies.folder import SUFFIXES, Study
from apps.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


PREFIX: Final = "medtransfer-upload-"
"""Of the folders' names; the number of the server's process follows."""

MOST_BYTES: Final = 2**30
"""That the files of one upload may have together."""

ROOM: Final = 2**28
"""Bytes that an upload leaves free on the disk: reviews are written to it, perhaps."""


class Uploaded(Protocol):
    """What we need of Streamlit's uploaded file."""

    file_id: str
    name: str

    def getbuffer(self) -> memoryview: ...


class Spool:
    """Uploaded files on disk, gone with `remove`, with the session, with the last reference or at exit.

    Raises:
        MedTransferError: `TooLarge`: there is no room for so much.
        OSError: They cannot be written.
    """

    def __init__(self, uploads: Sequence[Uploaded]) -> None:
        self.ids = upload_ids(uploads)
        _check_room(sum(upload.getbuffer().nbytes for upload in uploads))
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self.remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        at_session_end(self.remove)
        at_session_end(_dropping())
        files = tuple(_written(upload, self.folder, number) for number, upload in enumerate(uploads, start=1))
        names = tuple(printable(upload.name) for upload in uploads)
        name = names[0] if len(names) == 1 else f"{len(names)} uploaded files"
        self.study = Study(name=name, files=files, names=names)


def upload_ids(uploads: Sequence[Uploaded]) -> tuple[str, ...]:
    """What tells these uploads from others."""
    return tuple(upload.file_id for upload in uploads)


def drop_copies() -> None:
    """Drop what Streamlit holds of this session's files in memory: to be called once their widget is left."""
    _dropping()()


def remove_leftovers() -> None:
    """Remove the folders of servers that are no more: one that is killed removes nothing."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _check_room(needed: int) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free - ROOM
    most = max(0, min(MOST_BYTES, free))
    if needed > most:
        raise mt.MedTransferError(
            f"{needed / 2**20:,.0f} MiB are more than the {most / 2**20:,.0f} MiB that an upload may have now",
            code="TooLarge",
            hint="Copy the study into the folder on the server (--studies), and open it from the worklist.",
        )


def _dropping() -> Callable[[], None]:
    """What drops the files of this session from Streamlit's memory, when called from anywhere."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return lambda: None
    manager, session = context.uploaded_file_mgr, context.session_id
    return lambda: manager.remove_session_files(session)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, and is somebody else's
        return True
    return True


def _written(upload: Uploaded, folder: Path, number: int) -> Path:
    """Write one file as `0001.dcm`: of its name only a known suffix is kept, its claim to a format."""
    suffix = next((suffix for suffix in SUFFIXES if upload.name.lower().endswith(suffix)), "")
    path = folder / f"{number:04d}{suffix}"
    path.write_bytes(upload.getbuffer())
    return path
