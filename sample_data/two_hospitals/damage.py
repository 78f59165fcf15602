"""Files that cannot be read, each broken in one way; the same bytes on every machine.

`DAMAGED` maps each file's name to what is wrong with it.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG4HP41, ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from .dicom import fill, make_meta, make_uid

if TYPE_CHECKING:
    from pathlib import Path

DAMAGED = {
    "cut_in_pixels.dcm": "The header is whole, the file ends after two fifths of the pixels.",
    "empty.dcm": "The file has no bytes.",
    "mpeg4_video.dcm": "The transfer syntax is MPEG-4 AVC/H.264, which is video, not a radiograph.",
    "rows_65535.dcm": "The header claims 65535 × 65535 pixels, the file holds 64 × 64.",
    "text.dcm": "A text file with the ending of a DICOM file.",
    "truncated.png": "A PNG that ends in the middle of its image data.",
}

SIZE = 64


def write_damaged(folder: Path) -> None:
    """Writes every file of `DAMAGED` into `folder`, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = _dicom("cut_in_pixels")
    contents = {
        "cut_in_pixels.dcm": whole[: len(whole) - SIZE * SIZE * 2 * 3 // 5],
        "empty.dcm": b"",
        "mpeg4_video.dcm": _video(),
        "rows_65535.dcm": _dicom("rows_65535", claimed=65535),
        "text.dcm": b"This is not an image. Somebody renamed a text file to .dcm.\n",
        "truncated.png": _half(stored_png((_ramp() // 16).astype(np.uint8))),
    }
    for name in DAMAGED:
        (folder / name).write_bytes(contents[name])


def _dicom(name: str, *, claimed: int = SIZE) -> bytes:
    """An uncompressed radiograph of 64 × 64 pixels whose header claims `claimed` × `claimed`."""
    dataset = _header(name, transfer_syntax=ExplicitVRLittleEndian)
    dataset.Rows, dataset.Columns = claimed, claimed
    dataset.add_new("PixelData", "OW", _ramp().astype("<u2").tobytes())
    return _to_bytes(dataset)


def _video() -> bytes:
    """A header that announces video, and one fragment that starts like an MPEG-4 stream."""
    dataset = _header("mpeg4_video", transfer_syntax=MPEG4HP41)
    dataset.Rows, dataset.Columns = SIZE, SIZE
    fragment = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 2
    dataset.add_new("PixelData", "OB", encapsulate([fragment]))
    dataset["PixelData"].is_undefined_length = True
    return _to_bytes(dataset)


def _header(name: str, *, transfer_syntax: str) -> FileDataset:
    """The least that makes a Computed Radiography file."""
    instance = make_uid("damaged", name)
    meta = make_meta(sop_class=ComputedRadiographyImageStorage, sop_instance=instance, transfer_syntax=transfer_syntax)
    dataset = FileDataset(name, {}, file_meta=meta, preamble=b"\0" * 128)
    fill(
        dataset,
        {
            "SOPClassUID": ComputedRadiographyImageStorage,
            "SOPInstanceUID": instance,
            "StudyDate": "20240101",
            "Modality": "CR",
            "Manufacturer": "Damaged on purpose (synthetic)",
            "PatientName": "SYNTHETIC^DAMAGED",
            "PatientID": "DAMAGED",
            "PatientBirthDate": "",
            "PatientSex": "O",
            "BodyPartExamined": "CHEST",
            "ViewPosition": "PA",
            "StudyInstanceUID": make_uid("damaged", name, "study"),
            "SeriesInstanceUID": make_uid("damaged", name, "series"),
            "InstanceNumber": 1,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 12,
            "HighBit": 11,
            "PixelRepresentation": 0,
        },
    )
    return dataset


def _ramp() -> np.ndarray:
    """Integers only, so that no processor rounds them differently."""
    row, column = np.mgrid[:SIZE, :SIZE]
    return (row * 40 + column * 20) % 4096


def _to_bytes(dataset: FileDataset) -> bytes:
    """The file as it would stand on disk."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def stored_png(pixels: np.ndarray) -> bytes:
    """An 8-bit grey PNG; stored uncompressed, since zlib builds compress differently."""
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]
