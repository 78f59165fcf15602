"""Our walk over a header says what pydicom says, and refuses what does not add up."""

from __future__ import annotations

import os
import pickle
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.multival import MultiValue

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.elements import Elements
from medtransfer.data.dicom.header import read_header
from medtransfer.data.dicom.notes import identifying
from medtransfer.data.dicom.tags import numbers, private, text
from medtransfer.data.dicom.walker import DEEPEST, WINDOW, Source, walk
from medtransfer.data.dicom.wanted import SEQUENCES, TAGS

HERE = Path("a.dcm")
FORMS = ((False, True), (True, True), (False, False))
PIXELS = struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OW", 0, 4) + b"\1\0\2\0"


def written(dataset: Dataset, *, implicit: bool = False, little: bool = True) -> bytes:
    handle = DicomBytesIO()
    handle.is_implicit_VR, handle.is_little_endian = implicit, little
    write_dataset(handle, dataset)
    return handle.getvalue()


def elements(content: bytes, *, implicit: bool = False, little: bool = True) -> Elements:
    walked = walk(Source(BytesIO(content), HERE), 0, implicit=implicit, little=little)
    return Elements(walked.raw, implicit=implicit, little_endian=little)


def code_of(content: bytes, *, implicit: bool = False) -> str:
    with pytest.raises(ReadError) as caught:
        elements(content, implicit=implicit)
    assert caught.value.path == str(HERE)
    return caught.value.code


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    length = len(value) if length is None else length
    if vr in {b"SQ", b"UN", b"OW", b"OB", b"UT"}:
        return struct.pack("<HH2sHL", group, number, vr, 0, length) + value
    return struct.pack("<HH2sH", group, number, vr, length) + value


def plain(value: Any) -> Any:
    """A pydicom value as `Elements` gives it."""
    if isinstance(value, MultiValue | list | tuple):
        return ["" if plain(part) is None else plain(part) for part in value] or None
    if value is None or isinstance(value, int | float | bytes):
        return value
    return str(value).rstrip(" \0") or None


def ours(found: Elements, keyword: str) -> Any:
    try:
        value = found.get(keyword)
    except ValueError:
        return "no value"
    if isinstance(value, list):
        return ["" if part is None else part for part in value]
    return None if value == "" else value


TEXTS = st.text(st.characters(codec="latin-1", exclude_characters='\\=^"', categories=("L", "N")), max_size=12)
DATASETS = st.fixed_dictionaries(
    {},
    optional={
        "ImageType": st.lists(st.sampled_from(["ORIGINAL", "PRIMARY", "AXIAL", "M"]), min_size=1, max_size=5),
        "Modality": st.sampled_from(["CT", "MR", "CR", "DX"]),
        "SeriesDescription": TEXTS,
        "PatientName": TEXTS,
        "PatientID": st.text("0123456789ABC", max_size=10),
        "StudyInstanceUID": st.just("1.2.840.1") | st.just("1.2.3"),
        "ImagePositionPatient": st.lists(st.integers(-(10**6), 10**6).map(lambda k: k / 1000), min_size=3, max_size=3),
        "PixelSpacing": st.lists(st.integers(1, 99).map(lambda k: k / 8), min_size=2, max_size=2),
        "InstanceNumber": st.integers(-(2**31), 2**31 - 1),
        "RescaleSlope": st.floats(-1000, 1000, width=16),
        "WindowCenter": st.lists(st.integers(-1000, 1000), min_size=1, max_size=3),
        "Rows": st.integers(0, 65535),
        "PixelRepresentation": st.integers(0, 1),
        "DiffusionBValue": st.floats(0, 5000),
        "TriggerTime": st.integers(0, 1000),
        "FrameIncrementPointer": st.just(0x00181063),
        "TemporalPositionIndex": st.integers(0, 2**32 - 1),
        "RedPaletteColorLookupTableData": st.binary(max_size=40).map(lambda raw: raw + bytes(len(raw) % 2)),
    },
)


@settings(deadline=None, max_examples=150)
@given(values=DATASETS, padding=st.integers(-30000, 65535), form=st.sampled_from(FORMS), nested=st.booleans())
def test_values_are_those_of_pydicom(
    values: dict[str, Any], padding: int, form: tuple[bool, bool], nested: bool
) -> None:
    implicit, little = form
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    if values.get("PixelRepresentation") is not None:
        low, high = (-30000, 32767) if values["PixelRepresentation"] else (0, 65535)
        dataset.PixelPaddingValue = min(max(padding, low), high)
    if nested:
        item = Dataset()
        item.CodeValue, item.Rows = "T-1", 7
        item.is_undefined_length_sequence_item = True
        dataset.ProcedureCodeSequence = [item, item]
        dataset["ProcedureCodeSequence"].is_undefined_length = True
    content = written(dataset, implicit=implicit, little=little)
    theirs = read_dataset(BytesIO(content), implicit, little)
    found = elements(content, implicit=implicit, little=little)
    for keyword in (*values, "PixelPaddingValue", "AcquisitionNumber"):
        assert (keyword in found) == (keyword in theirs)
        assert ours(found, keyword) == plain(theirs.get(keyword)), keyword
        if not isinstance(theirs.get(keyword), bytes):
            assert text(found, keyword) == text(theirs, keyword)


def files() -> list[Path]:
    folders = [Path(pydicom.__file__).parent / "data" / name for name in ("test_files", "charset_files")]
    if "MEDTRANSFER_DATA" in os.environ:
        folders.append(Path(os.environ["MEDTRANSFER_DATA"], "scans"))
    paths = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in paths if path.open("rb").read(132)[128:] == b"DICM"]


REFUSED = {"meta_missing_tsyntax.dcm": "MissingTag", "rtplan_truncated.dcm": "Truncated"}


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's own, on its own files; the loaders turn them into notes
def test_every_real_header_says_what_pydicom_says() -> None:
    compared = 0
    for path in files():
        if path.name in REFUSED:
            with pytest.raises(ReadError) as caught:
                read_header(path)
            assert caught.value.code == REFUSED[path.name]
            continue
        header = read_header(path)
        theirs = pydicom.dcmread(path, stop_before_pixels=True)
        for keyword in TAGS:
            if keyword in SEQUENCES or TAGS[keyword][0] < 0x30000:
                continue
            assert (keyword in header.dataset) == (keyword in theirs), (path, keyword)
            if path.name == "badVR.dcm" and keyword == "NumberOfFrames":
                assert ours(header.dataset, keyword) == "no value"  # `1A`
                continue
            assert ours(header.dataset, keyword) == plain(theirs.get(keyword)), (path, keyword)
        for keyword in SEQUENCES:
            expected = theirs.get(keyword)
            found = header.dataset.get(keyword)
            assert (found is None) == (expected is None)
            assert expected is None or list(found) == list(expected)
        compared += 1
    assert compared > 70


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (element(8, 0x60, b"CS", b"CT", 3000), "Truncated"),
        (element(8, 0x60, b"CS", b"CT")[:5], "Truncated"),
        (element(8, 0x60, b"ZZ", b"CT"), "Corrupt"),
        (element(8, 0x60, b"cs", b"CT"), "Corrupt"),
        (element(8, 0x60, b"\0\0", b"CT"), "Corrupt"),
        (element(8, 0x60, b"UT", b"CT", 0xFFFFFFFF), "Corrupt"),
        (element(8, 0x60, b"UT", b"CT", 0x7FFFFFFF), "Truncated"),
        (element(8, 0x1115, b"SQ", b"", 0xFFFFFFFF), "Truncated"),
        (element(8, 0x1115, b"SQ", b"\xfe\xff\0\xe0\xff\xff\xff\xff", 0xFFFFFFFF), "Truncated"),
        (element(8, 0x1115, b"SQ", b"\xfe\xff\0\xe0\xff\0\0\0", 0xFFFFFFFF), "Truncated"),
        (element(8, 0x1115, b"SQ", element(8, 0x60, b"CS", b"CT"), 0xFFFFFFFF), "Corrupt"),
        (b"\xfe\xff\x0d\xe0\0\0\0\0", "Corrupt"),
    ],
)
def test_what_does_not_add_up_is_refused(content: bytes, code: str) -> None:
    assert code_of(content) == code


def nest(depth: int) -> bytes:
    opening = element(8, 0x1115, b"SQ", b"", 0xFFFFFFFF) + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return opening * depth + closing * depth


def test_sequences_nest_as_deep_as_real_ones_do_and_no_deeper() -> None:
    after = element(0x10, 0x20, b"LO", b"P1") + PIXELS
    assert elements(nest(DEEPEST) + after).get("PatientID") == "P1"
    assert code_of(nest(DEEPEST + 1) + after) == "Corrupt"
    assert code_of(nest(500) + after) == "Corrupt"
    assert code_of(nest(100_000) + after) == "Corrupt"


def test_elements_beyond_the_window_are_found() -> None:
    """Values and sequences longer than what is read at once, and pixels behind them."""
    big = element(9, 0x1001, b"OB", bytes(3 * WINDOW + 2))
    item = b"\xfe\xff\0\xe0\xff\xff\xff\xff" + big + b"\xfe\xff\x0d\xe0\0\0\0\0"
    sequence = element(8, 0x1115, b"SQ", item * 3 + b"\xfe\xff\xdd\xe0\0\0\0\0", 0xFFFFFFFF)
    palette = element(0x28, 0x1201, b"OW", bytes(range(256)) * 1024)
    before = element(8, 0x60, b"CS", b"MR") + sequence + big + element(0x10, 0x20, b"LO", b"P1") + palette
    walked = walk(Source(BytesIO(before + PIXELS), HERE), 0, implicit=False, little=True)
    found = Elements(walked.raw)
    assert (found.get("Modality"), found.get("PatientID")) == ("MR", "P1")
    assert found.get("RedPaletteColorLookupTableData") == bytes(range(256)) * 1024
    assert (walked.tag, walked.length, walked.at) == (0x7FE00010, 4, len(before) + 12)


@settings(deadline=None, max_examples=200)
@given(noise=st.binary(max_size=200), implicit=st.booleans(), little=st.booleans())
def test_noise_ends_in_our_errors_only(noise: bytes, implicit: bool, little: bool) -> None:
    try:
        ended = walk(Source(BytesIO(noise), HERE), 0, implicit=implicit, little=little).at
    except ReadError as error:
        ended = error.code
    assert ended in {"Truncated", "Corrupt", *range(len(noise) + 1)}


def test_an_unknown_character_set_is_noted_and_its_text_escaped() -> None:
    content = element(8, 5, b"CS", b"NOPE") + element(0x10, 0x10, b"PN", b"M\xfcller")
    found = elements(content)
    assert found.note == "UnknownCharacterSet: NOPE"
    assert found.get("PatientName") == r"M\xfcller"


def test_private_elements_count_only_behind_their_creator() -> None:
    value = element(0x43, 0x1139, b"IS", b"1000000800\\8\\0\\0 ")
    right, wrong = element(0x43, 0x11, b"LO", b"GEMS_PARM_01"), element(0x43, 0x11, b"LO", b"SOMEBODY")
    for creator, expected in ((right, [1000000800, 8, 0, 0]), (wrong, None), (b"", None)):
        assert private(elements(creator + value), "GEDiffusionBValue") == expected
        theirs = read_dataset(BytesIO(creator + value), False, True)
        assert private(theirs, "GEDiffusionBValue") == expected
    assert elements(right + value).get((0x43, 0x11)) == "GEMS_PARM_01"


def test_a_keyword_that_is_not_kept_is_a_mistake_of_ours() -> None:
    found = elements(element(8, 0x60, b"CS", b"CT"))
    with pytest.raises(KeyError, match="ReferencedSeriesSequence"):
        found.get("ReferencedSeriesSequence")
    assert found.get("NoSuchKeyword", 3) == 3


def test_identifying_elements_are_named_when_they_say_something() -> None:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.PatientAddress, dataset.AccessionNumber = "A^B", "", "  ", "7"
    dataset.OtherPatientIDsSequence, dataset.RequestAttributesSequence = [Dataset()], []
    found = identifying(elements(written(dataset)))
    assert set(found) == {"PatientName", "AccessionNumber", "OtherPatientIDsSequence"}


@pytest.mark.parametrize("value", [b"1\\2", b"1\\2\\x ", b"1\\2\\nan ", b"1\\2\\1e99", b"1\\\\3 "])
def test_numbers_are_finite_and_as_many_as_asked_for(value: bytes) -> None:
    found = elements(element(0x20, 0x32, b"DS", value + b" " * (len(value) % 2)))
    with pytest.raises(ReadError) as caught:
        numbers(found, "ImagePositionPatient", 3, HERE)
    assert caught.value.code == "BadTag"
    assert "ImagePositionPatient" in caught.value.message
    assert numbers(elements(element(0x20, 0x32, b"DS", b"")), "ImagePositionPatient", 3, HERE) is None


def test_elements_survive_a_journey_to_another_process() -> None:
    found = elements(element(8, 5, b"CS", b"ISO_IR 100") + element(0x10, 0x10, b"PN", b"M\xfcller"))
    again = pickle.loads(pickle.dumps(found))
    assert again.get("PatientName") == "Müller"
