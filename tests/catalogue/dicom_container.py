"""Bad DICOM containers: what is wrong with the file before any pixel is looked at (1 to 28)."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
from catalogue.control import (
    CLOSED,
    COLUMNS,
    PIXELS,
    ROWS,
    UNDEFINED,
    Case,
    Expected,
    as_bytes,
    before_patient_id,
    ct_bytes,
    ct_dataset,
    deflated,
    element,
    repeated_zeros,
    split_at_data_set,
    written,
)
from catalogue.nifti_files import nifti_bytes
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)

if TYPE_CHECKING:
    from pathlib import Path

HTML = b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>" + b" " * 200
ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HHI", 0xFFFE, n, 0) for n in (0xE000, 0xE00D, 0xE0DD))
OPEN_ITEM = ITEM[:4] + struct.pack("<I", UNDEFINED)


def empty_dicom(folder: Path) -> Case:
    return written(folder, b"")


def cut_in_meta(folder: Path) -> Case:
    return written(folder, ct_bytes()[:200])


def cut_in_header(folder: Path) -> Case:
    """Inside an element: a cut right before the pixels leaves what `pixels_missing` is."""
    content = ct_bytes()
    return written(folder, content[: content.rindex(b"\xe0\x7f\x10\x00") - 3])


def cut_in_pixels(folder: Path) -> Case:
    return written(folder, ct_bytes()[:-100])


def no_magic(folder: Path) -> Case:
    return written(folder, ct_bytes().replace(b"DICM", b"\0\0\0\0", 1))


def no_preamble(folder: Path) -> Case:
    """The file meta information stands at byte 0."""
    return written(folder, ct_bytes()[132:])


def preamble_of_127(folder: Path) -> Case:
    return written(folder, ct_bytes()[1:])


def preamble_of_pe(folder: Path) -> Case:
    return _preamble(folder, b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")


def preamble_of_elf(folder: Path) -> Case:
    return _preamble(folder, b"\x7fELF\x02\x01\x01")


def preamble_of_html(folder: Path) -> Case:
    return _preamble(folder, b"<html><script>fetch('//x.invalid')</script></html>")


def preamble_of_tiff(folder: Path) -> Case:
    return _preamble(folder, b"II*\x00\x08\x00\x00\x00")


def nifti_as_dicom(folder: Path) -> Case:
    return written(folder, nifti_bytes())


def jpeg_as_dicom(folder: Path) -> Case:
    buffer = BytesIO()
    Image.fromarray(PIXELS.astype(np.uint8)).save(buffer, format="JPEG")
    return written(folder, buffer.getvalue())


def html_as_dicom(folder: Path) -> Case:
    return written(folder, HTML)


def html_as_nifti(folder: Path) -> Case:
    return written(folder, HTML, "a.nii.gz")


def dicom_as_nifti(folder: Path) -> Case:
    return written(folder, bytes(128) + b"DICM" + bytes(400), "a.nii")


def meta_length_zero(folder: Path) -> Case:
    return _meta_length(folder, 0)


def meta_length_huge(folder: Path) -> Case:
    return _meta_length(folder, 0xFFFFFFF0)


def meta_missing(folder: Path) -> Case:
    return written(folder, bytes(128) + b"DICM" + split_at_data_set(ct_bytes())[1])


def syntax_missing(folder: Path) -> Case:
    head, start, end = _around_syntax()
    length = struct.pack("<I", len(head) - 144 - (end - start))
    return written(folder, head[:140] + length + head[144:start] + head[end:] + split_at_data_set(ct_bytes())[1])


def syntax_unknown(folder: Path) -> Case:
    return _claimed(folder, "1.2.3.4.5.6.7.8.9")


def syntax_mpeg(folder: Path) -> Case:
    return _claimed(folder, MPEG4HP41)


def syntax_says_jpeg_2000(folder: Path) -> Case:
    return _claimed(folder, JPEG2000Lossless)


def syntax_says_explicit(folder: Path) -> Case:
    """An implicit body behind an explicit head: the two differ in the length of their UID only."""
    head, _ = split_at_data_set(ct_bytes())
    implicit = ct_bytes(syntax=ImplicitVRLittleEndian)
    return written(folder, head + implicit[implicit.index(b"\x08\x00\x08\x00") :])


def deflate_bomb(folder: Path) -> Case:
    """A gibibyte of black pixels that the header honestly claims, in one megabyte."""
    head = _head_of(DeflatedExplicitVRLittleEndian)
    body = split_at_data_set(ct_bytes(Rows=16384, Columns=32768, PixelData=None))[1]
    body += element(0x7FE0, 0x10, b"OW", b"", length=1 << 30)
    return written(folder, head + deflated(body, close=False) + repeated_zeros(1024) + CLOSED)


def deflate_damaged(folder: Path) -> Case:
    head, stream = _deflated_ct()
    return written(folder, head + stream[:40] + bytes(b ^ 0xFF for b in stream[40:60]) + stream[60:])


def deflate_cut(folder: Path) -> Case:
    head, stream = _deflated_ct()
    return written(folder, head + stream[: len(stream) // 2])


def vr_unknown(folder: Path) -> Case:
    return _with(folder, element(0x8, 0x1030, b"ZZ", b"text"))


def vr_null(folder: Path) -> Case:
    return _with(folder, element(0x8, 0x1030, b"\0\0", b"text"))


def length_2_gb(folder: Path) -> Case:
    return _with(folder, element(0x9, 0x1001, b"UN", b"text", length=0x7FFFFFFF))


def length_undefined(folder: Path) -> Case:
    return _with(folder, element(0x8, 0x120, b"UT", b"text", length=UNDEFINED))


def nested_500(folder: Path) -> Case:
    opened = element(0x8, 0x1140, b"SQ", b"", length=UNDEFINED) + OPEN_ITEM
    return _with(folder, opened * 500 + (ITEM_END + SEQUENCE_END) * 500)


def delimiters_missing(folder: Path) -> Case:
    return _with(folder, element(0x8, 0x1140, b"SQ", b"", length=UNDEFINED) + OPEN_ITEM)


def pixel_delimiter_missing(folder: Path) -> Case:
    content = ct_bytes(syntax=RLELossless, PixelData=encapsulate([_rle()]))
    return written(folder, content[: content.rindex(SEQUENCE_END)])


def fragments_10000(folder: Path) -> Case:
    pixels = np.random.default_rng(1).integers(0, 1 << 15, size=(128, 128), dtype=np.int16)
    code = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, codecformat="j2k")
    code += b"\0" * (len(code) % 2)
    pieces = [code[k : k + 2] for k in range(0, 2 * 9999, 2)]
    pieces.append(code[2 * 9999 :])
    fragments = b"".join(ITEM[:4] + struct.pack("<I", len(piece)) + piece for piece in pieces)
    content = ct_bytes(syntax=JPEG2000Lossless, pixels=pixels, PixelData=ITEM + fragments)
    return written(folder, content, expected=(Expected(values=pixels - 1024.0),))


def offset_table_wrong(folder: Path) -> Case:
    return written(folder, ct_bytes(syntax=RLELossless, PixelData=_wrong_table(encapsulate([_rle()]))))


def offset_table_wrong_two_frames(folder: Path) -> Case:
    frames = np.stack([PIXELS, PIXELS[::-1]]).astype(np.uint8)
    dataset = ct_dataset(
        pixels=frames[0],
        SOPClassUID=UltrasoundMultiFrameImageStorage,
        Modality="US",
        NumberOfFrames=2,
        PixelData=frames.tobytes(),
        **dict.fromkeys(
            ("RescaleSlope", "RescaleIntercept", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
        ),
    )
    dataset.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.PixelData = _wrong_table(dataset.PixelData)
    return written(folder, as_bytes(dataset), expected=(Expected(values=frames.astype(float)),))


def rle_offsets_past_end(folder: Path) -> Case:
    code = _rle()
    damaged = code[:4] + struct.pack("<2I", 1 << 20, 1 << 21) + code[12:]
    return written(folder, ct_bytes(syntax=RLELossless, PixelData=encapsulate([damaged])))


def _preamble(folder: Path, start: bytes) -> Case:
    return written(folder, start.ljust(128, b"\0") + ct_bytes()[128:])


def _meta_length(folder: Path, length: int) -> Case:
    content = ct_bytes()
    return written(folder, content[:140] + struct.pack("<I", length) + content[144:])


def _head_of(syntax: str) -> bytes:
    """Preamble and file meta information of the control, naming another syntax."""
    head, start, end = _around_syntax()
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = head[144:start] + element(0x2, 0x10, b"UI", value) + head[end:]
    return head[:140] + struct.pack("<I", len(meta)) + meta


def _around_syntax() -> tuple[bytes, int, int]:
    """The control up to its data set, and where its transfer syntax begins and ends."""
    head, _ = split_at_data_set(ct_bytes())
    start = head.index(b"\x02\x00\x10\x00UI")
    return head, start, start + 8 + struct.unpack_from("<H", head, start + 6)[0]


def _claimed(folder: Path, syntax: str) -> Case:
    """The control's data set behind a file meta information that names another syntax."""
    return written(folder, _head_of(syntax) + split_at_data_set(ct_bytes())[1])


def _deflated_ct() -> tuple[bytes, bytes]:
    return _head_of(DeflatedExplicitVRLittleEndian), deflated(split_at_data_set(ct_bytes())[1])


def _with(folder: Path, extra: bytes) -> Case:
    return written(folder, before_patient_id(ct_bytes(), extra))


def _rle() -> bytes:
    """The control as two RLE segments, high bytes first, in literal runs. Reference: DICOM PS3.5, annex G."""
    planes = [(PIXELS.view(np.uint16) >> shift & 0xFF).astype(np.uint8).tobytes() for shift in (8, 0)]
    starts = range(0, ROWS * COLUMNS, COLUMNS)
    high, low = (b"".join(bytes([COLUMNS - 1]) + plane[k : k + COLUMNS] for k in starts) for plane in planes)
    return struct.pack("<16I", 2, 64, 64 + len(high), *[0] * 13) + high + low


def _wrong_table(encapsulated: bytes) -> bytes:
    """The last entry of the offset table made to point past the end."""
    length = struct.unpack_from("<I", encapsulated, 4)[0]
    return encapsulated[: 4 + length] + struct.pack("<I", 99_999_998) + encapsulated[8 + length :]
