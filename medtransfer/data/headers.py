"""What the header of each file says, before any study is put together: whose it is, of which kind, and what is wrong.

No pixels are read. What only the files of a series tell together, such as a slice that is missing, is not said here;
opening the study says it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from medtransfer.data.dicom.header import DEFAULTS, looks_like_elements
from medtransfer.data.dicom.series import Seen
from medtransfer.data.found import Excluded, Failed, Found
from medtransfer.data.loaders import dicom, nifti, raster
from medtransfer.data.walk import HEAD_BYTES, FileBelow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.core.errors import MedTransferError

_KEPT: Final = ("patient_id", "study_uid", "series_uid", "modality", "date")


@dataclass(frozen=True, kw_only=True, slots=True)
class FileHeader:
    """One file. Texts are empty where the file does not say."""

    path: Path
    status: Literal["read", "excluded", "failed"]
    """As in a ledger; `read` means that the header was."""
    problem: str = ""
    """Why it was not read, and what to do."""
    code: str = ""
    """Of the error, or of the rule that leaves it out."""
    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    modality: str = ""
    date: str = ""
    """Of the study: `2026-11-01`."""
    notes: tuple[str, ...] = ()
    """What was noticed: `Code` or `Code: what`."""


def file_headers(files: Iterable[Path], *, settings: ReadConfig = DEFAULTS) -> tuple[FileHeader, ...]:
    """What these files say of themselves, in their order; a damaged one is said, never raised.

    Args:
        files: Files, best series by series; the two of an `.hdr` and `.img` pair together.
        settings: How files become scans.
    """
    files = tuple(files)
    found: dict[Path, FileHeader] = {}
    there: list[FileBelow] = []
    for path in files:
        try:
            there.append(_begun(path))
        except OSError as error:
            found[path] = _unread(path, "Unreadable", f"cannot be opened: {error.strerror}. Check its permissions.")
    theirs = [file for file in there if dicom.is_ours(file, settings)]
    for file, one in zip(theirs, dicom.looked_at(theirs, settings=settings), strict=True):
        found[file.path] = _of(one)
    for loader in (nifti, raster):
        left = tuple(file for file in there if file.path not in found)
        found |= _told(loader.find(left, settings=settings))
    found |= {file.path: _of_no_loader(file) for file in there if file.path not in found}
    return tuple(found[path] for path in files)


def _begun(path: Path) -> FileBelow:
    with path.open("rb", buffering=0) as handle:
        head = handle.read(HEAD_BYTES) or b""
    return FileBelow(path=path, head=head, size=path.stat().st_size)


def _told(found: Found) -> dict[Path, FileHeader]:
    told = {entry.path: _of(entry) for entry in (*found.excluded, *found.failed)}
    for item in found.items:
        told |= {path: _seen(path, item.facts, item.notes) for path in item.paths}
    return told


def _of(one: Seen | Excluded | Failed) -> FileHeader:
    if isinstance(one, Seen):
        return _seen(one.path, one.facts, one.notes)
    if isinstance(one, Excluded):
        return FileHeader(path=one.path, status="excluded", problem=f"{one.reason}.", code=one.rule)
    return _unread(one.path, one.error.code, _said(one.error), one.facts)


def _seen(path: Path, facts: Mapping[str, str], notes: tuple[str, ...]) -> FileHeader:
    return replace(_with(FileHeader(path=path, status="read", modality="OT"), facts), notes=notes)


def _unread(path: Path, code: str, problem: str, facts: Mapping[str, str] | None = None) -> FileHeader:
    return _with(FileHeader(path=path, status="failed", problem=problem, code=code), facts or {})


def _with(header: FileHeader, facts: Mapping[str, str]) -> FileHeader:
    return replace(header, **{name: facts[name] for name in _KEPT if name in facts})


def _of_no_loader(file: FileBelow) -> FileHeader:
    """Of a file that no loader takes: what it may have been."""
    if not file.size:
        return _unread(file.path, "EmptyFile", "the file has 0 bytes. Copy the file again.")
    if looks_like_elements(file.head):
        why = "begins like a DICOM data set, but lacks the preamble of a DICOM file. Export it again as a DICOM file."
        return _unread(file.path, "NotDicom", why)
    return FileHeader(
        path=file.path,
        status="excluded",
        problem="is no image that can be read: it begins like none. Copy it again, or remove it.",
        code="not_an_image_file",
    )


def _said(error: MedTransferError) -> str:
    return f"{error.message}. {error.hint or ''}".strip()
