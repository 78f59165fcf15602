"""Preamble, file meta information, encodings, deflate: the outer form of a DICOM file."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from medtransfer.core.config.data import ReadConfig
from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.claims import check_claims
from medtransfer.data.dicom.header import full_header, read_header, read_with_pixels
from medtransfer.data.dicom.rules import left_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

DEFLATED = DeflatedExplicitVRLittleEndian.encode()
PIXELS = np.arange(16 * 12, dtype=np.uint16).reshape(16, 12)
SYNTAXES = (
    ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian,
)  # fmt: skip


def code_of(path: Path, **given: object) -> str:
    """Code of the error that reading the header or checking its claims ends in; empty where there is none."""
    try:
        check_claims(read_header(path, **given), path)  # type: ignore[arg-type]
    except ReadError as error:
        return error.code if error.path == str(path) else f"{error.code} without its path"
    return ""


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_three_ways_to_read_say_the_same(write_dicom: Write, syntax: str) -> None:
    path = write_dicom("a.dcm", syntax=syntax, WindowCenter=40, RescaleSlope=2, StudyDescription="x")
    header, full, whole = read_header(path), full_header(path), read_with_pixels(path)
    for keyword in ("Rows", "Columns", "WindowCenter", "RescaleSlope", "StudyDescription", "Modality"):
        assert header.dataset.get(keyword) == full.dataset.get(keyword) == whole.dataset.get(keyword)
    assert "PixelData" not in full.dataset
    pixels = PIXELS.astype(">u2") if syntax == ExplicitVRBigEndian and not header.little_endian else PIXELS
    assert (header.pixel_keyword, header.pixel_length, header.held) == ("PixelData", 384, 384)
    assert (header.implicit, header.little_endian) == (
        syntax == ImplicitVRLittleEndian,
        syntax != ExplicitVRBigEndian,
    )
    if syntax == DeflatedExplicitVRLittleEndian:
        assert header.pixel_offset == -1
    elif syntax != ExplicitVRBigEndian:
        assert path.read_bytes()[header.pixel_offset :] == pixels.tobytes()


def test_a_wrong_or_absent_group_length_is_noted(write_dicom: Write) -> None:
    path = write_dicom("a.dcm")
    content = path.read_bytes()
    assert read_header(path).notes == ()
    for length in (0, 0xFFFFFFF0):
        path.write_bytes(content[:140] + struct.pack("<L", length) + content[144:])
        (note,) = read_header(path).notes
        assert note.startswith("MetaLengthWrong")
    path.write_bytes(content[:132] + content[144:])
    assert read_header(path).notes[0].startswith("MetaLengthWrong: says nothing")


def test_without_meta_information_nothing_says_how_to_read(write_dicom: Write) -> None:
    path = write_dicom("a.dcm")
    content = path.read_bytes()
    path.write_bytes(content[:132] + content[content.index(b"\x08\0\x16\0UI") :])
    assert code_of(path) == "MissingTag"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_force_reads_what_begins_like_a_data_set(write_dicom: Write, syntax: str) -> None:
    path = write_dicom("a.dcm", syntax=syntax)
    content = path.read_bytes()
    header = read_header(path)
    first = b"\0\x08\0\x16" if syntax == ExplicitVRBigEndian else b"\x08\0\x16\0"
    wanted = header.dataset.get("StudyInstanceUID")
    for kept in (content[132:], content[content.index(first) :], content[:128] + b"XXXX" + content[132:], content[1:]):
        path.write_bytes(kept)
        with pytest.raises(ReadError) as caught:
            read_header(path)
        assert caught.value.code == "NotDicom"
        assert "--force" in (caught.value.hint or "")
        forced = read_header(path, force=True)
        assert forced.dataset.get("StudyInstanceUID") == wanted
        assert forced.notes[0].startswith("NoPreamble")
    path.write_bytes(b"nothing of the kind" * 20)
    assert code_of(path, force=True) == "NotDicom"


@pytest.mark.parametrize(
    ("said", "real"),
    [(ExplicitVRLittleEndian, ImplicitVRLittleEndian), (ImplicitVRLittleEndian, ExplicitVRLittleEndian)],
)
def test_the_data_set_outweighs_its_declared_syntax(write_dicom: Write, said: str, real: str) -> None:
    right, other = write_dicom("a.dcm", syntax=real), write_dicom("b.dcm", syntax=said)
    mark = b"\x08\0\x16\0"
    body, meta = right.read_bytes(), other.read_bytes()
    right.write_bytes(meta[: meta.index(mark)] + body[body.index(mark) :])
    header = read_header(right)
    assert header.notes[0].startswith("SyntaxConflict")
    assert header.dataset.get("Rows") == 16
    assert read_with_pixels(right).dataset.PixelData == PIXELS.tobytes()


def test_cut_at_every_64th_byte_a_header_is_typed(write_dicom: Write) -> None:
    path = write_dicom("a.dcm", StudyDescription="x" * 64, WindowCenter=9, WindowWidth=9, PatientComments="y" * 900)
    content = path.read_bytes()
    assert code_of(path) == ""
    seen = Counter()
    for cut in range(0, len(content), 64):
        path.write_bytes(content[:cut])
        seen[code_of(path)] += 1
    assert seen.keys() <= {"EmptyFile", "Truncated", "MissingTag", "Corrupt"}
    assert seen["Truncated"] > 5


def test_deflated_files_are_cut_damaged_or_whole(write_dicom: Write) -> None:
    path = write_dicom("a.dcm", syntax=DeflatedExplicitVRLittleEndian)
    content = path.read_bytes()
    assert code_of(path) == ""
    path.write_bytes(content[:-20])
    assert code_of(path) == "Corrupt"
    start, seen = content.index(DEFLATED) + len(DEFLATED), set()
    for k in range(start + 60, len(content) - 8, 64):
        path.write_bytes(content[:k] + bytes([content[k] ^ 0xFF]) + content[k + 1 :])
        seen.add(code_of(path))
    assert "Corrupt" in seen  # a raw deflate stream has no checksum: damage may pass as other pixels
    assert seen <= {"", "Corrupt", "Truncated", "MissingTag", "BadPixels", "BadTag", "ExtraPixels"}
    path.write_bytes(content)
    assert code_of(path, settings=ReadConfig(max_bytes=300)) == "SizeLimit"


BOMB = """
import resource, sys
from pathlib import Path
from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.header import read_header
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_header(Path(sys.argv[1]))
except ReadError as error:
    print(error.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_bomb_ends_before_it_fills_the_memory(write_dicom: Write) -> None:
    """1 MB that inflates to 1 GB: 300 times the bytes held is the most that is ever inflated."""
    path = write_dicom("a.dcm", syntax=DeflatedExplicitVRLittleEndian)
    content = path.read_bytes()
    start = content.index(DEFLATED) + len(DEFLATED)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = [packer.compress(struct.pack("<HH2sHL", 9, 0x1001, b"OB", 0, 2**30))]
    body += [packer.compress(bytes(2**24)) for _ in range(64)]
    path.write_bytes(content[:start] + b"".join([*body, packer.flush()]))
    answer = subprocess.run([sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, check=True)
    code, kilobytes = answer.stdout.split()
    assert code == "SizeLimit"
    assert int(kilobytes) < 600_000


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"RescaleSlope": "1e40"}, "BadScaling"),
        ({"ImagePositionPatient": ["0", "0", "1e40"]}, "BadTag"),
        ({"NumberOfFrames": 3, "PixelData": PIXELS.tobytes() * 3}, ""),
        ({"NumberOfFrames": 3, "PixelData": PIXELS.tobytes() * 4}, "ExtraPixels"),
        ({"NumberOfFrames": 1_000_000}, "Truncated"),
        ({"NumberOfFrames": -1}, "BadTag"),
    ],
)
def test_claims(write_dicom: Write, tags: dict[str, object], code: str) -> None:
    assert code_of(write_dicom("a.dcm", **tags)) == code


def test_the_limit_counts_all_frames(write_dicom: Write) -> None:
    path = write_dicom("a.dcm", NumberOfFrames=3, PixelData=PIXELS.tobytes() * 3)
    header = read_header(path)
    check_claims(header, path, settings=ReadConfig(max_bytes=3 * 384))
    with pytest.raises(ReadError) as caught:
        check_claims(header, path, settings=ReadConfig(max_bytes=3 * 384 - 1))
    assert caught.value.code == "SizeLimit"


CAPTURE = {"SOPClassUID": SecondaryCaptureImageStorage}


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"Modality": "DX", **CAPTURE}, ""),
        ({"Modality": "OT", "ImageType": ["DERIVED", "SECONDARY"], **CAPTURE}, ""),
        ({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY"], **CAPTURE}, "secondary_capture"),
        ({"Modality": "MR", **CAPTURE}, "secondary_capture"),
        ({"Modality": "NM", "ImageType": ["DERIVED", "PRIMARY", "WHOLE BODY"], **CAPTURE}, ""),
        ({"Modality": "OT", "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], **CAPTURE}, "secondary_capture"),
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
          "ImageType": ["DERIVED", "SECONDARY", "OTHER"]}, ""),
        ({"Modality": "CT", "SOPClassUID": CTImageStorage,
          "ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]}, "dose_report"),
        ({"Modality": "CT", "SOPClassUID": CTImageStorage, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
         "localizer"),
        ({"Modality": "CT", "SOPClassUID": CTImageStorage, "ImageType": ["ORIGINAL", "PRIMARY", "SCOUT"]}, "localizer"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.67", "Rows": None, "PixelData": None}, "dose_report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33", "Rows": None, "PixelData": None}, "structured_report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, "segmentation"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.30"}, "parametric_map"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1", "PixelData": None}, "presentation_state"),
        ({"PixelData": None}, "no_pixel_data"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_processing"),
    ],
)  # fmt: skip
def test_rules(write_dicom: Write, tags: dict[str, object], rule: str) -> None:
    path = write_dicom("a.dcm", **tags)
    for header in (read_header(path), full_header(path)):
        found = left_out(header, path)
        assert ("" if found is None else found.rule) == rule
