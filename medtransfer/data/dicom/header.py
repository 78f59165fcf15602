"""The header of a DICOM file, read without its pixels and within bounds.

    preamble (128 bytes), DICM, file meta information (group 2), data set, up to the pixel data

`read_header` walks it by our own rules (`dicom/walker`), which are strict: a file that ends anywhere, that contradicts
its own lengths or inflates without end is refused. `full_header` and `read_with_pixels` hand what passed to pydicom.
Reference: DICOM PS3.10, 7.1; PS3.5, A.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medtransfer.core.config.data import ReadConfig
from medtransfer.core.errors import ReadError
from medtransfer.data.archive import opened
from medtransfer.data.dicom.deflate import inflated
from medtransfer.data.dicom.elements import Elements
from medtransfer.data.dicom.tags import missing
from medtransfer.data.dicom.walker import LONG, PIXELS, SHORT, UNDEFINED, Source, truncated, walk
from medtransfer.data.dicom.wanted import TAGS
from medtransfer.data.loaders._containment import contained
from medtransfer.data.loaders._signatures import begins_like, has_dicom_magic

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "UNDEFINED", "Description", "Header", "check_magic", "full_header", "looks_like_elements", "read_header",
    "read_with_pixels", "truncated",
]  # fmt: skip

DEFAULTS = ReadConfig()
"""How files are read where nobody says otherwise."""

_MAGIC_END = 132
_NATIVE_FORMS = ((False, True), (True, True), (False, False))
_DATA_SET_STARTS = frozenset({b"\x08\0", b"\0\x08"})
_FIRST_GROUPS = (0x0002, 0x0008)


@dataclass(frozen=True, kw_only=True)
class Header:
    """A data set up to its pixels.

    Attributes:
        dataset: The elements that the project reads; from `full_header` and `read_with_pixels`, a pydicom `Dataset`.
        syntax: Transfer syntax UID.
        sop_class: SOPClassUID, or the file meta information's where the data set has none.
        implicit: Elements are written without VRs.
        little_endian: Their byte order.
        pixel_keyword: `PixelData` and kin; empty where the file has no pixels.
        pixel_length: Length that the pixel data declares, `UNDEFINED` where it is encapsulated.
        pixel_offset: Position of the pixel data's value in the file; −1 where the data set is deflated or has none.
        held: Bytes between the start of the pixel data's value and the end of the data set.
        preamble: The first 128 bytes of the file.
        notes: What was noticed: `MetaLengthWrong`, `SyntaxConflict`, `NoPreamble`, `UnknownCharacterSet`, and
            pydicom's warnings.
    """

    dataset: Any
    syntax: str
    sop_class: str
    implicit: bool
    little_endian: bool
    pixel_keyword: str
    pixel_length: int
    pixel_offset: int
    held: int
    preamble: bytes
    notes: tuple[str, ...]

    @property
    def encapsulated(self) -> bool:
        """True where the pixel data are compressed, or say so."""
        return self.pixel_length == UNDEFINED


@dataclass(frozen=True, kw_only=True)
class Description:
    """The part of a `Header` that does not depend on the file's length; attributes as there."""

    dataset: Any
    syntax: str
    sop_class: str
    pixel_keyword: str
    encapsulated: bool
    preamble: bytes


def read_header(path: Path, *, force: bool = False, settings: ReadConfig = DEFAULTS) -> Header:
    """Read the elements that the project needs, up to the pixel data.

    Args:
        path: The file; it may lie in an archive.
        force: Read a file without the preamble when it begins like a data set.
        settings: Limits for deflated files.

    Raises:
        ReadError: `EmptyFile`, `NotDicom`, `WrongFormat`, `Truncated`, `MissingTag`, `SizeLimit`, `Corrupt`,
            `Unreadable`.
    """
    try:
        with opened(path, buffered=False) as handle:
            return _walked(handle, path, force or settings.force, settings)[0]
    except OSError as error:
        raise ReadError(
            f"cannot be read: {error.strerror or error}",
            code="Unreadable",
            path=path,
            hint="Check the permissions and the disk.",
        ) from error


def full_header(path: Path, *, force: bool = False, settings: ReadConfig = DEFAULTS) -> Header:
    """Read everything before the pixels, sequences included; `dataset` is a pydicom `Dataset`.

    Raises:
        ReadError: As `read_header`.
    """
    return _parsed(path, force, settings, with_pixels=False)


def read_with_pixels(path: Path, *, force: bool = False, settings: ReadConfig = DEFAULTS) -> Header:
    """Read the whole data set by pydicom; call it when `read_header` and the checks of its claims have passed.

    Raises:
        ReadError: As `read_header`.
    """
    return _parsed(path, force, settings, with_pixels=True)


def check_magic(head: bytes, path: Path) -> None:
    """Refuse what is no DICOM file, by its first bytes.

    Raises:
        ReadError: `EmptyFile`, `WrongFormat` naming the real format, `Truncated`, or `NotDicom`.
    """
    if not head:
        raise ReadError("the file has 0 bytes", code="EmptyFile", path=path, hint="Copy the file again.")
    if has_dicom_magic(head):
        return
    real = begins_like(head)
    elements = looks_like_elements(head)
    if real is not None and not elements:
        raise ReadError(
            f"is {real}, not DICOM",
            code="WrongFormat",
            path=path,
            hint="Give the file its right suffix, or convert it.",
        )
    if len(head) < _MAGIC_END and not any(head[:128]):
        raise ReadError(
            f"ends after {len(head)} bytes, inside the preamble",
            code="Truncated",
            path=path,
            hint="Copy the file again.",
        )
    cure = "Write it as a DICOM file (PS3.10), with preamble and file meta information."
    raise ReadError(
        "has no DICM at byte 128",
        code="NotDicom",
        path=path,
        hint=f"Read it nevertheless with --force, or w{cure[1:]}" if elements else cure,
    )


def looks_like_elements(head: bytes) -> bool:
    """True where a file without `DICM` at byte 128 begins with elements of group 2 or 8: `--force` may read it."""
    return _elements_at(head) is not None


def _walked(handle: BinaryIO, path: Path, force: bool, settings: ReadConfig) -> tuple[Header, BinaryIO, int]:
    """The header, and where its data set can be read from."""
    source = Source(handle, path)
    notes: list[str] = []
    at, preamble = _MAGIC_END, source.window[:128]
    if not has_dicom_magic(source.window):
        found = _elements_at(source.window[:512]) if force else None
        if found is None:
            check_magic(source.window[:512], path)
        at = _MAGIC_END if found is None else found
        notes.append(f"NoPreamble: the data set begins at byte {at}")
    start, syntax, meta = _meta(source, at, notes)
    deflated = syntax == DeflatedExplicitVRLittleEndian
    if deflated:
        body: BinaryIO = inflated(handle, start, path, settings=settings)
        source, start = Source(body, path), 0
    else:
        body = handle
    implicit, little = _encoding(source, start, syntax, notes)
    walked = walk(source, start, implicit=implicit, little=little)
    meta.update(walked.raw)
    elements = Elements(meta, implicit=implicit, little_endian=little)
    if elements.note:
        notes.append(elements.note)
    pixels = PIXELS.get(walked.tag, "")
    header = Header(
        dataset=elements,
        syntax=syntax,
        sop_class=_uid(meta, "SOPClassUID") or _uid(meta, "MediaStorageSOPClassUID"),
        implicit=implicit,
        little_endian=little,
        pixel_keyword=pixels,
        pixel_length=walked.length,
        pixel_offset=-1 if deflated or not pixels else walked.at,
        held=max(0, source.size - walked.at) if pixels else 0,
        preamble=preamble,
        notes=tuple(notes),
    )
    return header, body, start


def _meta(source: Source, at: int, notes: list[str]) -> tuple[int, str, dict[int, tuple[str, bytes | None]]]:
    """Where the data set begins, its transfer syntax, and the elements of the file meta information."""
    path = source.path
    if source.value(at, min(2, source.size - at)) in _DATA_SET_STARTS and notes:  # forced: a data set and nothing else
        form = next((form for form in _NATIVE_FORMS if _fits(source.window, at, *form)), (True, True))
        names = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
        return at, str(names[_NATIVE_FORMS.index(form)]), {}
    walked = walk(source, at, implicit=False, little=True, meta=True)
    if walked.at >= source.size:
        raise truncated(f"ends after {source.size} bytes, inside or right after the file meta information", path)
    syntax = _uid(walked.raw, "TransferSyntaxUID")
    if not syntax:
        raise missing("TransferSyntaxUID", path)
    length, real = _group_length(walked.raw), walked.at - at - 12
    if length != real:
        notes.append(f"MetaLengthWrong: says {'nothing' if length is None else length}, is {real}")
    return walked.at, syntax, walked.raw


def _uid(raw: dict[int, tuple[str, bytes | None]], keyword: str) -> str:
    """The first UID of an element, whatever VR it is written with; empty where there is none."""
    _, content = raw.get(TAGS[keyword][0]) or ("", None)
    return content.partition(b"\\")[0].decode("latin-1").strip(" \0") if content else ""


def _group_length(raw: dict[int, tuple[str, bytes | None]]) -> int | None:
    _, content = raw.get(TAGS["FileMetaInformationGroupLength"][0]) or ("", None)
    return int.from_bytes(content, "little") if content else None


def _encoding(source: Source, at: int, syntax: str, notes: list[str]) -> tuple[bool, bool]:
    """Whether elements have no VR, and their byte order: as the syntax says, unless the first elements belie it."""
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    first = source.value(at, min(6, source.size - at))
    written = first[4:6] in SHORT or first[4:6] in LONG
    if written == implicit and little:
        content = source.value(at, min(1024, source.size - at))
        if _fits(content, 0, not implicit, little) and not _fits(content, 0, implicit, little):
            said, is_ = ("implicit", "explicit") if implicit else ("explicit", "implicit")
            notes.append(f"SyntaxConflict: the transfer syntax says {said} VR, the data set has {is_}")
            return not implicit, little
    return implicit, little


def _elements_at(head: bytes) -> int | None:
    """Where the elements of a file without magic begin: after a damaged preamble, or at once; None where nowhere."""
    shifted = head.find(b"DICM", 0, _MAGIC_END)
    places = (_MAGIC_END, 0, *([shifted + 4] if shifted >= 0 else []))
    return next((at for at in places if any(_fits(head, at, *form) for form in _NATIVE_FORMS)), None)


def _fits(content: bytes, at: int, implicit: bool, little: bool) -> bool:
    """True where up to three elements that make sense stand at `at`, the first of group 2 or 8."""
    last, order = 0, "<" if little else ">"
    for count in range(3):
        try:
            group, element = struct.unpack_from(f"{order}HH", content, at)
            tag, vr, start = group << 16 | element, content[at + 4 : at + 6], at + 8
            if implicit:
                (length,) = struct.unpack_from(f"{order}L", content, at + 4)
            elif vr in LONG:
                (length,) = struct.unpack_from(f"{order}L", content, at + 8)
                start = at + 12
            else:
                (length,) = struct.unpack_from(f"{order}H", content, at + 6)
        except struct.error:
            return count > 0
        if (count == 0 and group not in _FIRST_GROUPS) or tag <= last or (not implicit and vr not in SHORT | LONG):
            return False
        if length == UNDEFINED or start + length > len(content):
            return count > 0
        at, last = start + length, tag
    return True


def _parsed(path: Path, force: bool, settings: ReadConfig, *, with_pixels: bool) -> Header:
    notes: list[str] = []
    with contained(path, notes, library="Pydicom", doing="reading the header"), opened(path) as handle:
        header, body, start = _walked(handle, path, force or settings.force, settings)
        body.seek(start)
        dataset = read_dataset(
            body,
            header.implicit,
            header.little_endian,
            stop_when=None if with_pixels else lambda tag, _, __: tag in PIXELS,
        )
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = UID(header.syntax)
        meta.MediaStorageSOPClassUID = UID(header.sop_class)
        dataset.file_meta = meta
    return replace(header, dataset=dataset, notes=tuple(dict.fromkeys((*header.notes, *notes))))
