"""Whole collections of files: damaged ones end in our errors only, good ones are read, cut ones are never believed."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import nibabel as nib
import numpy as np
import pydicom.data
import pytest
from catalogue.bounded import costs
from catalogue.control import Expected
from catalogue.nifti_files import nifti_bytes
from catalogue.outcomes import outcome_of, same
from catalogue.real_files import real_data
from pydicom.filereader import dcmread
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRBigEndian

from medtransfer.core.config.data import ReadConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalogue.outcomes import Outcome
    from pydicom.dataset import Dataset

INSTALLED: Final = Path(pydicom.data.__file__).parent
EVERY: Final = 64
"""A file is cut at every so many bytes."""

LEFT_OUT: Final = {
    "Segmentation Storage": "segmentation",
    "Parametric Map Storage": "parametric_map",
    "RT Dose Storage": "not_an_image",
}
"""What pydicom decodes and a diagnosis does not look at, by class, and the rule that leaves it out."""

COLOUR_STEPS: Final = 2
"""Largest difference of colours in steps of 8 bits: conversions from YBR round differently."""


def installed_files() -> list[Path]:
    """pydicom's own test files, which come with it."""
    return sorted(path for path in INSTALLED.rglob("*.dcm") if path.is_file())


def decoded(path: Path) -> tuple[Dataset, np.ndarray] | None:
    """A file as pydicom decodes it, colours as RGB; None where it does not."""
    with warnings.catch_warnings(action="ignore"):
        try:
            dataset = dcmread(path)
            return dataset, pixel_array(dataset)
        except Exception:  # noqa: BLE001 - pydicom raises what it likes
            return None


def pydicom_scans() -> Iterator[object]:
    for path in installed_files():
        yield pytest.param(path, id=path.name)
    place = os.environ.get("MEDTRANSFER_DATA")
    for path in sorted((Path(place) / "scans" / "pydicom_data").rglob("*.dcm")) if place else []:
        yield pytest.param(path, id=f"data-{path.name}", marks=[pytest.mark.real_data])


@pytest.mark.parametrize("path", list(pydicom_scans()))
def test_what_pydicom_decodes_is_read_with_equal_pixels(path: Path) -> None:
    """What it does not decode ends in one of our errors, or is read all the same."""
    outcome = outcome_of(path)
    row = outcome.row(path)
    theirs = decoded(path)
    if theirs is None:
        assert row.status in {"read", "excluded", "failed"}
        return
    dataset, pixels = theirs
    rule = LEFT_OUT.get(dataset.SOPClassUID.name)
    if rule is not None:
        assert (row.status, row.code) == ("excluded", rule)
        return
    assert (row.status, row.code, row.reason) == ("read", "", "")
    check_pixels(outcome, dataset, pixels)


def check_pixels(outcome: Outcome, dataset: Dataset, pixels: np.ndarray) -> None:
    """Every frame is read once; grey ones bit for bit, colours up to rounding."""
    is_palette = dataset.PhotometricInterpretation == "PALETTE COLOR"
    if int(dataset.get("NumberOfFrames") or 1) == 1:
        pixels = pixels[np.newaxis]
    seen: list[int] = []
    for item, scan in zip(outcome.items, outcome.scans, strict=True):
        frames = list(item.frames) or list(range(len(pixels)))
        seen += frames
        ours = scan.voxels[np.newaxis] if scan.kind == "picture" else scan.voxels
        if scan.is_colour and not is_palette:
            full = (scan.presentation.stored_range[1] + 1) / 256
            difference = np.abs(ours.astype(np.float64) - pixels[frames].astype(np.float64)).max()
            assert difference <= COLOUR_STEPS * full
        elif not is_palette:
            np.testing.assert_array_equal(ours, pixels[frames])
        else:
            coloured = apply_color_lut(pixels[frames], dataset)
            if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian and coloured.dtype == np.uint16:
                coloured = coloured.byteswap()  # pydicom 3.0 leaves the tables in the file's byte order
            shown = [x / (255 if x.dtype == np.uint8 else 65535) for x in (ours, coloured)]
            assert np.abs(shown[0] - shown[1]).max() <= COLOUR_STEPS / 255
    assert sorted(seen) == list(range(len(pixels)))


@pytest.mark.real_data
def test_malformed_files_end_in_our_errors_and_cost_little() -> None:
    """Every file of the fuzz corpus: no foreign exception, every error names the file, no hang, bounded memory."""
    paths = sorted((real_data() / "damaged" / "fuzz").rglob("*.dcm"))
    measured = costs(paths)
    assert len(measured) > 200
    assert [(cost.path, cost.foreign) for cost in measured if cost.foreign] == []
    assert [(cost.path, cost.unnamed) for cost in measured if cost.unnamed] == []
    assert [(cost.path, cost.seconds) for cost in measured if cost.seconds > 10] == []
    assert sum(cost.seconds for cost in measured) / len(measured) < 1
    assert max(cost.grown for cost in measured) < 400


@pytest.mark.real_data
def test_a_real_ct_series_is_one_volume() -> None:
    place = real_data() / "scans" / "medio_ct" / "data" / "dcm"
    outcome = outcome_of(place)
    assert outcome.ledger.failed() == ()
    (scan,) = outcome.scans
    assert same(scan, reference_of(place))


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name", ["CT_AVM", "CT_pitch", "MR_Gd", "chris_MRA", "chris_t1", "fmri_pitch", "pcasl", "spmMotor"]
)
def test_real_nifti_files_are_read_as_nibabel_does(name: str) -> None:
    path = real_data() / "scans" / "niivue" / f"{name}.nii.gz"
    image = nib.load(path)
    assert isinstance(image, nib.Nifti1Image)
    settings = ReadConfig(volume=3) if len(image.shape) == 4 else ReadConfig()
    values = image.get_fdata(dtype=np.float64)
    values = values[..., 3] if values.ndim == 4 else values
    (scan,) = outcome_of(path, settings=settings).scans
    assert same(scan, Expected(values=values, affine=np.asarray(image.affine, dtype=np.float64)))


@pytest.mark.real_data
@pytest.mark.parametrize("number", [4, 5])
def test_a_real_mr_series_over_time_is_split_as_dcm2niix_orders_it(number: int) -> None:
    """Ten volumes of fifteen slices in one series, by the reference's voxels and millimetres."""
    root = real_data() / "scans" / "nih_mr"
    reference = nib.load(root / "nifti_reference" / f"DCM2NIIX_regression_test_{number}.nii")
    assert isinstance(reference, nib.Nifti1Image)
    outcome = outcome_of(root / "dicom" / "20180918GE" / f"mr_000{number}")
    assert outcome.ledger.failed() == ()
    volumes = np.moveaxis(reference.get_fdata(dtype=np.float64), -1, 0)
    affine = np.asarray(reference.affine, dtype=np.float64)
    left = list(outcome.scans)
    for values in volumes:
        fitting = [k for k, scan in enumerate(left) if same(scan, Expected(values=values, affine=affine))]
        assert fitting
        left.pop(fitting[0])
    assert left == []


@pytest.mark.real_data
@pytest.mark.parametrize("number", [3, 4, 5, 6])
def test_real_mosaics_are_refused_by_name(number: int) -> None:
    """A mosaic holds the slices of a volume side by side in one picture: shown as it is, it lies."""
    place = real_data() / "scans" / "nih_mr" / "dicom" / "20180918Si" / f"mr_000{number}"
    rows = outcome_of(place).ledger.rows
    assert {(row.status, row.code) for row in rows} == {("failed", "Mosaic")}


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["JLSL_RGB_ILV0", "JLSL_RGB_ILV1", "JLSL_RGB_ILV2", "JLSN_RGB_ILV0"])
def test_real_files_without_magic_are_read_with_force(name: str) -> None:
    path = real_data() / "scans" / "pydicom_data" / f"{name}.dcm"
    assert outcome_of(path).row(path).code == "NotDicom"
    (scan,) = outcome_of(path, settings=ReadConfig(force=True)).scans
    with warnings.catch_warnings(action="ignore"):
        np.testing.assert_array_equal(scan.voxels, pixel_array(dcmread(path, force=True)))


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm", "SC_rgb_jpeg_gdcm.dcm"])
def test_what_pydicom_alone_cannot_decode_is_read(name: str) -> None:
    """12-bit and lossless JPEG."""
    path = next(path for path in installed_files() if path.name == name)
    assert decoded(path) is None
    (scan,) = outcome_of(path).scans
    header = dcmread(path, stop_before_pixels=True)
    assert scan.voxels.shape[:2] == (header.Rows, header.Columns)
    assert scan.voxels.max() > scan.voxels.min()


def reference_of(folder: Path) -> Expected:
    """A single-frame series as pydicom decodes it, stacked along its normal. Reference: DICOM PS3.3 C.7.6.2.1.1."""
    with warnings.catch_warnings(action="ignore"):
        slices = [dcmread(path) for path in folder.iterdir()]
    along_columns, along_rows = np.array(slices[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(along_columns, along_rows)
    slices.sort(key=lambda dataset: float(normal @ np.array(dataset.ImagePositionPatient, dtype=float)))
    first, last = (np.array(slices[k].ImagePositionPatient, dtype=float) for k in (0, -1))
    down, right = (float(x) for x in slices[0].PixelSpacing)
    lps = np.eye(4)
    lps[:3] = np.column_stack([(last - first) / (len(slices) - 1), along_rows * down, along_columns * right, first])
    stored = np.stack([dataset.pixel_array for dataset in slices]).astype(np.float64)
    slope, intercept = (float(slices[0].get(k, d)) for k, d in (("RescaleSlope", 1), ("RescaleIntercept", 0)))
    return Expected(values=stored * slope + intercept, affine=np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "image_dfl.dcm"])
def test_a_dicom_file_cut_anywhere_is_never_read_as_another(name: str, tmp_path: Path) -> None:
    check_cuts(next(path for path in installed_files() if path.name == name).read_bytes(), tmp_path / name)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_nifti_file_cut_anywhere_is_never_read_as_another(name: str, tmp_path: Path) -> None:
    voxels = np.random.default_rng(3).integers(0, 500, size=(16, 16, 12), dtype=np.int16)
    plain = nifti_bytes(voxels)
    if name.endswith(".gz"):
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / name)
        plain = (tmp_path / name).read_bytes()
    check_cuts(plain, tmp_path / name)


def check_cuts(content: bytes, path: Path) -> None:
    """A cut file fails, is no image by rule, or holds what the whole one holds."""
    path.write_bytes(content)
    (whole,) = outcome_of(path).scans
    wrong = []
    for length in range(0, len(content), EVERY):
        path.write_bytes(content[:length])
        outcome = outcome_of(path)
        if any(not np.array_equal(scan.voxels, whole.voxels) for scan in outcome.scans):
            wrong.append(length)
        unnamed = [error.code for error in outcome.errors if error.path != str(path)]
        assert unnamed == []
    assert wrong == []
