"""What a file really is, from its first bytes."""

from __future__ import annotations

DICOM = "DICOM"

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"GIF8", "GIF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "PDF"),
    (b"MZ", "Windows program"),
    (b"\x7fELF", "Linux program"),
    (b"NRRD", "NRRD"),
    (b"\x89HDF", "HDF5"),
)


def has_dicom_magic(head: bytes) -> bool:
    """True where `DICM` stands after the 128-byte preamble. Reference: DICOM PS3.10, 7.1."""
    return head[128:132] == b"DICM"


def begins_like(head: bytes) -> str | None:
    """Name of the format that `head` begins like, the preamble of DICOM disregarded, or None."""
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[344:347] in {b"n+1", b"ni1"} or head[4:7] == b"n+2":
        return "NIfTI"
    beginning = head[:64].lstrip().lower()
    if beginning.startswith((b"<!doctype html", b"<html", b"<script")):
        return "HTML"
    return "XML" if beginning.startswith(b"<?xml") else None


def real_format(head: bytes) -> str | None:
    """Name of the format of a file that begins with `head`, or None where it is not known."""
    return DICOM if has_dicom_magic(head) else begins_like(head)
