"""Laws of the DICOM loader: right pixels, or one typed error that says what is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import convert_color_space
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)
from reading import finding, loading

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders import dicom

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.data.scan import Scan

    Write = Callable[..., Path]

PIXELS = np.arange(16 * 12, dtype=np.uint16).reshape(16, 12)


def bundled(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), name
    return Path(path)


def read_one(path: Path) -> Scan:
    (item,) = finding(dicom, path).items
    return loading(dicom, item)


# ---------------------------------------------------------------- right pixels


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_lossless_syntaxes_decode_bit_equal_to_the_uncompressed_file(name: str) -> None:
    plain, coded = read_one(bundled("MR_small.dcm")), read_one(bundled(name))
    np.testing.assert_array_equal(coded.voxels, plain.voxels)
    assert coded.voxels.dtype == plain.voxels.dtype
    assert coded.presentation == plain.presentation


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_gdcm.dcm", "SC_rgb_gdcm_KY.dcm"])
def test_lossless_colour_decodes_bit_equal_to_run_lengths(name: str) -> None:
    """JPEG Lossless through imagecodecs, JPEG 2000 through openjpeg, RLE: three codecs, one image."""
    np.testing.assert_array_equal(read_one(bundled(name)).voxels, read_one(bundled("SC_rgb_rle.dcm")).voxels)


def test_12_bit_jpeg_decodes_to_the_values_that_pydicom_tests_against() -> None:
    voxels = read_one(bundled("JPGExtended.dcm")).voxels
    assert (voxels[420, 140], voxels[230, 120]) == (244, 95)


@pytest.mark.parametrize("name", ["SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_ybr_full_422_uncompressed.dcm"])
def test_luminance_and_chrominance_become_rgb(name: str) -> None:
    reference = pydicom.dcmread(bundled(name)).pixel_array
    scan = read_one(bundled(name))
    assert scan.voxels.shape == (100, 100, 3)
    converted = convert_color_space(reference, "YBR_FULL", "RGB")
    assert min(np.abs(scan.voxels - 1.0 * other).max() for other in (reference, converted)) <= 1
    red_first = scan.voxels[5, 50]  # the test card's first bar is red
    assert red_first[0] > 250
    assert red_first[1:].max() < 5


def test_a_palette_is_applied_once_and_the_same_in_both_byte_orders(write_dicom: Write) -> None:
    indices = (PIXELS % 4).astype(np.uint8)
    entries = np.array([0, 1000, 43000, 65000], dtype=np.uint16)
    scans = []
    for syntax, order in ((ExplicitVRLittleEndian, "<u2"), (ExplicitVRBigEndian, ">u2")):
        table = {
            f"{colour}PaletteColorLookupTable{part}": value
            for colour in ("Red", "Green", "Blue")
            for part, value in (("Descriptor", [4, 0, 16]), ("Data", entries.astype(order).tobytes()))
        }
        path = write_dicom(
            f"{order[0] == '<'}.dcm",
            indices,
            syntax=syntax,
            PhotometricInterpretation="PALETTE COLOR",
            **table,
        )
        scans.append(read_one(path))
    assert scans[0].presentation.stored_range == (0, 65535)
    for scan in scans:
        np.testing.assert_array_equal(scan.voxels, entries[indices][..., np.newaxis].repeat(3, axis=-1))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_what_is_written_is_read(write_dicom: Write, syntax: str) -> None:
    values = (PIXELS.astype(np.int16) - 100) * 3
    scan = read_one(write_dicom("a.dcm", values, syntax=syntax, Modality="DX"))
    np.testing.assert_array_equal(scan.voxels, values)
    assert scan.presentation.stored_range == (-32768, 32767)
    assert (scan.modality, scan.affine) == ("DX", None)


def test_slices_lie_in_ras_millimetres() -> None:
    """Hand-derived for CT_small: IPP (−158.1, −179.0, −75.7) LPS, axial, 0.661468 mm, 5 mm thick."""
    affine = read_one(bundled("CT_small.dcm")).affine
    assert affine is not None
    np.testing.assert_allclose(affine @ [0, 0, 0, 1], [158.135803, 179.035797, -75.699997, 1])
    np.testing.assert_allclose(affine @ [0, 0, 1, 0], [-0.661468, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(affine @ [0, 1, 0, 0], [0, -0.661468, 0, 0], atol=1e-12)
    np.testing.assert_allclose(affine @ [1, 0, 0, 0], [0, 0, 5, 0], atol=1e-12)


# ---------------------------------------------------------------- what the header says


def test_facts_are_plain_lines(write_dicom: Write) -> None:
    path = write_dicom(
        "a.dcm",
        PatientID="evil\x1b[31m\u202e=1+1\r\nline",
        SpecificCharacterSet="ISO_IR 192",
        PatientSex="F",
        PatientAge="018M",
        StudyDate="20240229",
        ViewPosition="PA",
        Manufacturer="ACME",
        BurnedInAnnotation="YES",
        BodyPartExamined="",
    )
    (item,) = finding(dicom, path).items
    assert item.facts["patient_id"] == r"evil\x1b[31m\u202e=1+1\r\nline"
    assert item.facts["age"] == "1.5"
    assert item.facts["date"] == "2024-02-29"
    assert item.facts["burned_in"] == "YES"
    assert "body_part" not in item.facts
    scan = loading(dicom, item)
    assert scan.attributes.keys() == {"age", "burned_in", "date", "manufacturer", "sex", "view"}
    assert scan.identifiers.study_uid == "1.2.3.1"
    assert "BurnedInAnnotation" in scan.notes


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "conflict"),
    [
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME1", "IDENTITY", True, True),
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME2", "INVERSE", False, True),
    ],
)
def test_polarity_follows_the_photometric_interpretation(
    write_dicom: Write, photometric: str, shape: str | None, inverted: bool, conflict: bool
) -> None:
    scan = read_one(write_dicom("a.dcm", PhotometricInterpretation=photometric, PresentationLUTShape=shape))
    assert scan.presentation.inverted is inverted
    assert any(note.startswith("PolarityConflict") for note in scan.notes) is conflict


@pytest.mark.parametrize(
    ("tags", "note"),
    [
        ({"WindowCenter": 40, "WindowWidth": 0}, "WindowIgnored"),
        ({"WindowCenter": 40, "WindowWidth": 0.5}, "WindowIgnored"),
        ({"WindowCenter": 40, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "WindowIgnored"),
        ({"Modality": "CT", "SOPClassUID": CTImageStorage}, "RescaleMissing"),
        ({"Modality": "MR"}, "ModalityConflict"),
        ({"PixelPaddingValue": 3, "BitsStored": 1}, "PaddingIgnored"),
    ],
)
def test_odd_headers_are_noted(write_dicom: Write, tags: dict[str, object], note: str) -> None:
    scan = read_one(write_dicom("a.dcm", **tags))
    assert any(entry.startswith(note) for entry in scan.notes), scan.notes
    assert scan.presentation.window is None


def test_values_beyond_the_bits_that_the_header_claims_are_noted(write_dicom: Write) -> None:
    path = write_dicom("a.dcm", np.arange(64 * 64, dtype=np.uint16).reshape(64, 64))
    dataset = pydicom.dcmread(path)
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.BitsStored = 8
    dataset.save_as(path)
    assert any(note.startswith("ValuesOutOfRange") for note in read_one(path).notes)


def test_the_first_of_several_windows_is_taken(write_dicom: Write) -> None:
    window = read_one(write_dicom("a.dcm", WindowCenter=[40, 300], WindowWidth=[80, 1500])).presentation.window
    assert window is not None
    assert (window.centre, window.width, window.function) == (40, 80, "LINEAR")


# ---------------------------------------------------------------- what is left out


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33", "PixelData": None, "Rows": None}, "structured_report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2"}, "not_an_image"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1", "PixelData": None}, "presentation_state"),
        ({"SOPClassUID": "1.2.840.10008.1.3.10", "PixelData": None, "Rows": None}, "dicomdir"),
        ({"PixelData": None}, "no_pixel_data"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_processing"),
    ],
)
def test_rules_leave_out_what_is_no_diagnostic_image(write_dicom: Write, tags: dict[str, object], rule: str) -> None:
    path = write_dicom("a.dcm", **tags)
    (excluded,) = finding(dicom, path).excluded
    assert (excluded.path, excluded.rule) == (path, rule)
    assert excluded.reason


def test_padding_written_with_the_other_sign_is_the_same_16_bits(write_dicom: Write) -> None:
    pixels = np.full((4, 4), -2000, dtype=np.int16)
    path = write_dicom("padded.dcm", pixels, PixelPaddingValue=-2000)
    content = path.read_bytes()
    at = content.index(b"\x28\x00\x20\x01SS")
    path.write_bytes(content[: at + 4] + b"US" + content[at + 6 :])
    scan = read_one(path)
    assert scan.presentation.padding == (-2000, -2000)
    assert any(note.startswith("SignednessConflict") for note in scan.notes)


def test_a_table_of_values_below_zero_begins_there_though_its_descriptor_is_unsigned(write_dicom: Write) -> None:
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 65536 - 1024, 12])
    table.add_new("LUTData", "OW", np.arange(4096, dtype=np.uint16).tobytes())
    path = write_dicom(
        "table.dcm", BitsStored=12, RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=Sequence([table])
    )
    found = read_one(path).presentation.voi_table
    assert found is not None
    assert found.first == -1024


def test_nothing_at_a_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        finding(dicom, tmp_path / "absent")
    assert caught.value.code == "NotFound"


@pytest.mark.real_data
def test_jpeg_lossless_of_12_and_16_bits_decodes() -> None:
    root = os.environ.get("MEDTRANSFER_DATA")
    if root is None:
        pytest.skip("MEDTRANSFER_DATA is not set")
    scan = read_one(Path(root, "scans", "pydicom_data", "JPEG-LL.dcm"))
    assert scan.voxels[124:130, 120].tolist() == [30, 16, 15, 27, 22, 34]
