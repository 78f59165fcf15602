"""Damaged DICOM files: each ends in one typed error that says what is wrong, or is read right."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from reading import finding, loading

from medtransfer.core.errors import ReadError
from medtransfer.data.found import Item
from medtransfer.data.loaders import dicom

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.data.scan import Scan

    Write = Callable[..., Path]

PIXELS = np.arange(16 * 12, dtype=np.uint16).reshape(16, 12)


def read_one(path: Path) -> Scan:
    (item,) = finding(dicom, path).items
    return loading(dicom, item)


def code_of(path: Path) -> str:
    """Code of the one error that finding or loading ends in; empty when it is read."""
    found = finding(dicom, path)
    if found.failed:
        (failure,) = found.failed
        assert failure.error.path == str(path)
        return failure.error.code
    try:
        loading(dicom, Item(paths=(path,), loader="dicom"))
    except ReadError as error:
        return error.code if error.path == str(path) else "ErrorWithoutPath"
    return ""


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"Rows": None}, "MissingTag"),
        ({"Rows": 0}, "BadPixels"),
        ({"Rows": 65535, "Columns": 65535}, "Truncated"),
        ({"NumberOfFrames": 1_000_000}, "Truncated"),
        ({"PixelData": PIXELS.tobytes() * 2, "NumberOfFrames": 3}, "Truncated"),
        ({"PixelData": PIXELS.tobytes()[:-2]}, "Truncated"),
        ({"PixelData": PIXELS.tobytes() * 2}, "ExtraPixels"),
        ({"BitsStored": 17}, "BadPixels"),
        ({"BitsStored": 12, "HighBit": 15}, "BadPixels"),
        ({"BitsAllocated": None}, "MissingTag"),
        ({"SamplesPerPixel": 3}, "BadPixels"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "MissingTag"),
        ({"RescaleSlope": 0}, "BadScaling"),
    ],
)
def test_claims_that_do_not_hold_are_refused(write_dicom: Write, tags: dict[str, object], code: str) -> None:
    assert code_of(write_dicom("a.dcm", **tags)) == code


@pytest.mark.parametrize(
    ("syntax", "code"),
    [
        ("1.2.3.4.5", "UnsupportedSyntax"),
        ("1.2.840.10008.1.2.4.102", "UnsupportedSyntax"),
        (JPEG2000Lossless, "Corrupt"),
    ],
)
def test_transfer_syntaxes_that_lie_or_are_not_known(write_dicom: Write, syntax: str, code: str) -> None:
    path = write_dicom("a.dcm")
    content = path.read_bytes()
    old = ExplicitVRLittleEndian.encode() + b"\0"
    new = syntax.encode() + b"\0" * (len(syntax) % 2)
    length = content.index(old) - 2
    path.write_bytes(content[:length] + len(new).to_bytes(2, "little") + new + content[length + 2 + len(old) :])
    (failure,) = finding(dicom, path).failed
    assert failure.error.code == code
    assert code == "Corrupt" or syntax in failure.error.message


@pytest.mark.parametrize(
    ("content", "code", "word"),
    [
        (b"", "EmptyFile", "0 bytes"),
        (b"\0" * 100, "Truncated", "preamble"),
        (b"nothing known" * 40, "NotDicom", "DICM"),
        (b"\xff\xd8\xff\xe0" + bytes(300), "WrongFormat", "JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "WrongFormat", "PNG"),
        (b"PK\x03\x04" + bytes(300), "WrongFormat", "ZIP"),
        (b"<!DOCTYPE html><html>" + bytes(300), "WrongFormat", "HTML"),
        (bytes(344) + b"n+1\0" + bytes(100), "WrongFormat", "NIfTI"),
        (bytes(128) + b"DICM", "Truncated", "meta"),
    ],
)
def test_what_only_bears_the_suffix_is_named(tmp_path: Path, content: bytes, code: str, word: str) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    (failure,) = finding(dicom, path).failed
    assert failure.error.code == code
    assert word in failure.error.message


def test_a_file_without_suffix_counts_by_its_magic(write_dicom: Write, tmp_path: Path) -> None:
    write_dicom("IM0001")
    (tmp_path / "README").write_text("no image")
    assert [item.path.name for item in finding(dicom, tmp_path).items] == ["IM0001"]


def test_deflate_bombs_are_not_inflated(write_dicom: Write) -> None:
    path = write_dicom(
        "a.dcm", syntax=DeflatedExplicitVRLittleEndian, StudyDescription="x" * 60, ImageComments="y" * 9000
    )
    assert code_of(path) == ""
    (failure,) = finding(dicom, path, max_bytes=4000).failed
    assert failure.error.code == "SizeLimit"
    assert "inflates" in failure.error.message


def test_a_cut_deflated_file_is_truncated(write_dicom: Write) -> None:
    path = write_dicom("a.dcm", syntax=DeflatedExplicitVRLittleEndian)
    path.write_bytes(path.read_bytes()[:-20])
    assert code_of(path) == "Corrupt"


def test_the_limit_holds_before_decoding(write_dicom: Write) -> None:
    (item,) = finding(dicom, write_dicom("a.dcm")).items
    with pytest.raises(ReadError) as caught:
        loading(dicom, item, max_bytes=100)
    assert caught.value.code == "SizeLimit"


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_damaged_code_streams_are_typed(write_dicom: Write, syntax: str) -> None:
    path = write_dicom("a.dcm", np.arange(64 * 64, dtype=np.uint16).reshape(64, 64))
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(path)
    assert code_of(path) == ""
    content = path.read_bytes()
    seen = Counter()
    start = content.index(b"\xfe\xff\x00\xe0")
    for cut in range(start, len(content), 64):
        path.write_bytes(content[:cut])
        seen[code_of(path)] += 1
    assert seen.keys() <= {"Truncated", "Corrupt"}
    assert seen["Truncated"]


def test_a_code_stream_of_another_shape_is_refused(write_dicom: Write) -> None:
    path = write_dicom("a.dcm", np.arange(64 * 32, dtype=np.uint16).reshape(64, 32))
    dataset = pydicom.dcmread(path)
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.Rows, dataset.Columns = 32, 64
    dataset.save_as(path)
    assert code_of(path) == "Corrupt"


def test_cut_anywhere_a_file_is_typed_or_read_right(write_dicom: Write) -> None:
    """pydicom alone accepts nearly every cut in the header without a word."""
    item = Dataset()
    item.CodeValue = "T-1"
    path = write_dicom("a.dcm", StudyDescription="x" * 64, ProcedureCodeSequence=[item], WindowCenter=9, WindowWidth=9)
    content = path.read_bytes()
    seen = Counter()
    for cut in [*range(0, len(content), 64), *range(len(content) - 8, len(content))]:
        path.write_bytes(content[:cut])
        found = finding(dicom, path)
        assert not found.items, cut
        seen.update(failure.error.code for failure in found.failed)
        seen.update(entry.rule for entry in found.excluded)
    assert seen["Truncated"] >= sum(seen.values()) - 2
    assert seen["EmptyFile"] == 1


# ---------------------------------------------------------------- real damaged files


def real(*parts: str) -> Path:
    root = os.environ.get("MEDTRANSFER_DATA")
    if root is None:
        pytest.skip("MEDTRANSFER_DATA is not set")
    return Path(root, *parts)


UNDETECTABLE = {"35_odd_pixel_len.dcm"}
"""Its writer padded the odd length to an even one: every length in the file agrees."""

NOTED = {
    "08_html_preamble.dcm": "SuspiciousPreamble",
    "24_pixelrep_flip.dcm": "SignednessConflict",
    "26_slope_missing.dcm": "RescaleMissing",
    "30_iop_nan.dcm": "GeometryMissing",
    "31_burned_in.dcm": "BurnedInAnnotation",
    "33_window_zero.dcm": "WindowIgnored",
    "34_modality_lie.dcm": "ModalityConflict",
}
"""Read as single images, with a note; a volume of them is another matter."""


@pytest.mark.real_data
def test_real_damaged_files_end_as_their_index_says() -> None:
    folder = real("damaged", "dicom")
    with (folder / "INDEX.tsv").open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle, delimiter="\t") if row["file"].endswith(".dcm")]
    assert len(rows) == 40
    for row in rows:
        path, expected = folder / row["file"], row["expected"].split()[0].split("(")[0].strip(",")
        if expected == "NoPixels":
            assert [entry.rule for entry in finding(dicom, path).excluded] == ["no_pixel_data"]
            continue
        got = code_of(path)
        typed = {"EmptyFile", "Truncated", "NotDicom", "WrongFormat", "BadPixels", "MissingTag", "BadScaling"}
        typed |= {"ExtraPixels", "UnsupportedSyntax", "Corrupt", "SizeLimit", "BadGeometry"}
        if expected in typed and path.name not in UNDETECTABLE:
            assert got == expected, row
        else:
            assert got == "", row
            notes = read_one(path).notes
            assert path.name not in NOTED or any(note.startswith(NOTED[path.name]) for note in notes), row


@pytest.mark.real_data
def test_fuzzed_files_raise_nothing_foreign() -> None:
    paths = sorted(path for path in real("damaged", "fuzz").rglob("*") if path.suffix == ".dcm")
    assert len(paths) > 200
    assert len({code_of(path) for path in paths}) > 3
