"""The header of a DICOM file, read without its pixels and within bounds.

pydicom accepts a file that ends anywhere, and inflates a deflated one without limit. Here the elements
are parsed by pydicom, but the file's outer form is checked: magic, file meta information, the length
that the pixel data declares against the bytes that are there. Reference: DICOM PS3.10, 7.1; PS3.5, A.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders._containment import contained
from medtransfer.data.loaders._dicom_tags import missing
from medtransfer.data.loaders._signatures import begins_like, has_dicom_magic

if TYPE_CHECKING:
    from pathlib import Path

UNDEFINED = 0xFFFFFFFF
"""Declared length of encapsulated (compressed) pixel data."""

INFLATE_LIMIT = 256 * 2**20
"""Largest size in bytes of a deflated data set once inflated: far above any single-frame image."""

_PIXELS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_MAGIC_END = 132


@dataclass(frozen=True, kw_only=True)
class Header:
    """A data set up to its pixels.

    Attributes:
        dataset: All elements before the pixel data, or with it (`read_dataset_of`).
        syntax: Transfer syntax UID.
        pixel_keyword: `PixelData` and kin; empty where the file has no pixels.
        pixel_length: Length that the pixel data declares, `UNDEFINED` where it is encapsulated.
        held: Bytes between the start of the pixel data's value and the end of the file.
        notes: What was noticed.
    """

    dataset: Dataset
    syntax: str
    pixel_keyword: str
    pixel_length: int
    held: int
    notes: tuple[str, ...]


def read_header(path: Path) -> Header:
    """Read everything before the pixel data.

    Raises:
        ReadError: `EmptyFile`, `NotDicom`, `WrongFormat`, `Truncated`, `MissingTag`, `SizeLimit`, `Corrupt`.
    """
    return _read(path, with_pixels=False)


def read_with_pixels(path: Path) -> Header:
    """Read the whole data set; call it when `read_header` and the checks of its claims have passed.

    Raises:
        ReadError: As `read_header`.
    """
    return _read(path, with_pixels=True)


def _read(path: Path, *, with_pixels: bool) -> Header:
    notes: list[str] = []
    with contained(path, notes, library="Pydicom", doing="reading the header"), path.open("rb") as handle:
        check_magic(handle.read(512), path)
        handle.seek(_MAGIC_END)
        meta = FileMetaDataset(read_dataset(handle, False, True, stop_when=lambda tag, _, __: tag.group != 2))
        start = handle.tell()
        body, size = _body(handle, start, meta, path)
        syntax = str(meta.TransferSyntaxUID)
        encoding = (syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian)
        pixels: dict[str, int] = {"tag": 0, "length": 0}

        def at_pixels(tag: int, vr: str | None, length: int) -> bool:
            if tag in _PIXELS:
                pixels.update(tag=tag, length=length)
            return tag in _PIXELS

        dataset = read_dataset(body, *encoding, stop_when=at_pixels)
        _refuse_short_values(dataset, path)
        held = max(0, size - body.tell() - (8 if encoding[0] else 12))
        if with_pixels:
            body.seek(start if body is handle else 0)
            dataset = read_dataset(body, *encoding)
        dataset.file_meta = meta
    return Header(
        dataset=dataset,
        syntax=syntax,
        pixel_keyword=_PIXELS.get(pixels["tag"], ""),
        pixel_length=pixels["length"],
        held=held if pixels["tag"] else 0,
        notes=tuple(notes),
    )


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
    meta_follows = head[132:134] == b"\x02\0"  # a DICOM file whose magic alone is damaged
    if real is not None and not meta_follows:
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
    raise ReadError(
        "has no DICM at byte 128",
        code="NotDicom",
        path=path,
        hint="Write it as a DICOM file (PS3.10), with preamble and file meta information.",
    )


def truncated(message: str, path: Path) -> ReadError:
    """The error for a file that ends too early."""
    return ReadError(message, code="Truncated", path=path, hint="Copy or export the file again.")


def _body(handle: BinaryIO, start: int, meta: Dataset, path: Path) -> tuple[BinaryIO | BytesIO, int]:
    """The data set's bytes, positioned at its first element, and the position where they end."""
    size = handle.seek(0, 2)
    if start >= size:
        raise truncated(f"ends after {size} bytes, inside or right after the file meta information", path)
    if not meta.get("TransferSyntaxUID"):
        raise missing("TransferSyntaxUID", path)
    handle.seek(start)
    if meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        return handle, size
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflater.decompress(handle.read(), INFLATE_LIMIT)
    if inflater.unconsumed_tail:
        raise ReadError(
            f"inflates to more than {INFLATE_LIMIT >> 20} MiB",
            code="SizeLimit",
            path=path,
            hint="Check where the file comes from; write it uncompressed if it is what it should be.",
        )
    if not inflater.eof:
        raise truncated("the deflated data set ends too early", path)
    return BytesIO(content), len(content)


def _refuse_short_values(dataset: Dataset, path: Path) -> None:
    """Refuse a last value that is shorter than it declares: pydicom hands it over without a word."""
    for tag in dataset.keys():  # noqa: SIM118 - iterating over a data set converts its elements
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and element.length != UNDEFINED:
            got = len(element.value or b"")
            if got < element.length:
                raise truncated(f"ends inside element {tag}: {got} of {element.length} bytes", path)
