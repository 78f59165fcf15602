"""What every bad input is made of: one small CT slice, and what a right reading of a case has to hold."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from pydicom.config import disable_value_validation
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS, COLUMNS = 16, 12
PIXELS: Final = (np.arange(ROWS * COLUMNS, dtype=np.int16) * 7).reshape(ROWS, COLUMNS)
"""Stored values of the control; as CT they run from −1024 HU in steps of 7."""

INTERCEPT: Final = -1024.0
UNDEFINED: Final = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What one scan holds.

    Attributes:
        values: After slope and intercept, in any order of axes if there is an affine.
        affine: Index of `values` → RAS+ millimetres; None: `values` are compared axis by axis.
        in_order: False where nothing says how the axes lie: only the values are compared.
    """

    values: np.ndarray
    affine: np.ndarray | None = None
    in_order: bool = True


def axial(
    *, step: float = 2.0, spacing: Sequence[float] = (0.75, 0.5), origin: Sequence[float] = (0.0, 0.0, 0.0)
) -> np.ndarray:
    """(slice, row, column) → RAS+ of axial slices, by PixelSpacing and ImagePositionPatient: x and y negated."""
    (down, right), (x, y, z) = spacing, origin
    return np.array([[0, 0, -right, -x], [0, -down, 0, -y], [step, 0, 0, z], [0, 0, 0, 1]], dtype=np.float64)


CONTROL: Final = Expected(values=PIXELS + INTERCEPT)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A bad input on disk.

    Attributes:
        place: What is ingested.
        named: The file whose row has the outcome; the place, if that is a file.
        expected: What the scans hold where it is read, one each.
    """

    place: Path
    named: Path | None = None
    expected: tuple[Expected, ...] = (CONTROL,)

    @property
    def file(self) -> Path:
        return self.place if self.named is None else self.named


def ct_dataset(*, syntax: str = ExplicitVRLittleEndian, pixels: np.ndarray = PIXELS, **tags: object) -> FileDataset:
    """A CT slice in standard form; a tag given as None is left out."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = UID(syntax)
    bits = 8 * pixels.dtype.itemsize
    values: dict[str, object] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": "1.2.3.3",
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.2",
        "FrameOfReferenceUID": "1.2.3.4",
        "PatientID": "P1",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": 1,
        "ImagePositionPatient": [0, 0, 0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.75, 0.5],
        "SliceThickness": 2,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(np.issubdtype(pixels.dtype, np.signedinteger)),
        "RescaleIntercept": INTERCEPT,
        "RescaleSlope": 1,
        "PixelData": pixels.tobytes(),
        **tags,
    }
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=meta)
    with disable_value_validation():
        for keyword, value in values.items():
            if value is not None:
                setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB" if bits == 8 or UID(syntax).is_encapsulated else "OW"
        dataset["PixelData"].is_undefined_length = UID(syntax).is_encapsulated
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.3")
    return dataset


def as_bytes(dataset: FileDataset) -> bytes:
    """The file that pydicom makes of it."""
    buffer = BytesIO()
    with disable_value_validation():
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def ct_bytes(*, syntax: str = ExplicitVRLittleEndian, pixels: np.ndarray = PIXELS, **tags: object) -> bytes:
    """A CT slice as the bytes of its file."""
    return as_bytes(ct_dataset(syntax=syntax, pixels=pixels, **tags))


def written(folder: Path, content: bytes, name: str = "a.dcm", **facts: object) -> Case:
    """A case of one file."""
    path = folder / name
    path.write_bytes(content)
    return Case(place=path, **facts)  # pyright: ignore[reportArgumentType]


def element(group: int, number: int, vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """One element in Explicit VR Little Endian; `length` may lie. Reference: DICOM PS3.5, 7.1.2."""
    said = len(value) if length is None else length
    is_long = vr in {b"OB", b"OW", b"SQ", b"UN", b"UT"}
    return struct.pack("<HH", group, number) + vr + struct.pack("<2xI" if is_long else "<H", said) + value


def before_patient_id(content: bytes, extra: bytes) -> bytes:
    """Put elements of the groups 0008 and 0009 where they belong."""
    head, mark, rest = content.partition(b"\x10\x00\x20\x00LO")
    return head + extra + mark + rest


def split_at_data_set(content: bytes) -> tuple[bytes, bytes]:
    """Preamble with file meta information, and the data set."""
    start = content.index(b"\x08\x00\x08\x00CS")
    return content[:start], content[start:]


def repeated_zeros(mebibytes: int) -> bytes:
    """A raw deflate stream of so many MiB of zeros, not closed, made by repeating the stream of 16 MiB.

    A full flush forgets what came before, so that the same bytes may follow themselves. Reference: zlib, `deflate`.
    """
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = deflater.compress(bytes(16 << 20)) + deflater.flush(zlib.Z_FULL_FLUSH)
    return block * (mebibytes // 16)


def deflated(content: bytes, *, close: bool = True) -> bytes:
    """A raw deflate stream; an open one may be continued by `repeated_zeros`."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush(zlib.Z_FINISH if close else zlib.Z_FULL_FLUSH)


CLOSED: Final = b"\x03\x00"
"""The last, empty block of a deflate stream."""
