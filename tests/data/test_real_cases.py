"""Cohorts of real files of every kind, from the files to the pictures: nothing between them is a stand-in."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from catalogue.real_files import real_data
from nifti_files import write_nifti
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.data.cache import prepare_cohort
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.convert import convert_cohort
from medtransfer.data.outcome import prepared_item
from medtransfer.data.places import View

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

SIDE = 32
SMALL = PreprocessConfig(size=SIDE)
SPACING = (0.7, 0.7, 3.0)
"""Millimetres from row to row, column to column and slice to slice."""

HOUNSFIELD = np.random.default_rng(0).integers(-1000, 1500, (5, SIDE, SIDE)).astype(np.int16)
"""Slices feet first, rows growing to P, columns to L: as a radiologist looks at them."""


def write_ct(write: Write, voxels: np.ndarray, folder: str = "ct", **tags: Any) -> Path:
    """One file a slice, names and numbers against the order of their places."""
    paths = []
    for k, pixels in enumerate(voxels):
        values: dict[str, Any] = {
            "Modality": "CT", "SOPClassUID": CTImageStorage, "SeriesInstanceUID": f"1.2.{len(folder)}",
            "InstanceNumber": len(voxels) - k, "ImagePositionPatient": [-10, -20, k * SPACING[2]],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": list(SPACING[:2]),
            "RescaleSlope": 1, "RescaleIntercept": -1024,
        }  # fmt: skip
        name = f"{folder}/{len(voxels) - k:03}.dcm"
        paths.append(write(name, (pixels + 1024).astype(np.int16), **(values | tags)))
    return paths[0].parent


def write_volume(path: Path, voxels: np.ndarray) -> Path:
    """The same slices at the same places of the patient. DICOM counts millimetres to L and P, NIfTI to R and A."""
    affine = np.diag([-SPACING[1], -SPACING[0], SPACING[2], 1.0])
    affine[:3, 3] = 10, 20, 0
    return write_nifti(path, voxels.T, affine)


def planes_of(place: Path, how: PreprocessConfig = SMALL) -> np.ndarray:
    found = prepared_item(place, preprocess=how)
    assert found.prepared is not None, found.row
    return found.prepared.planes


@pytest.fixture
def cohort(tmp_path: Path, write_dicom: Write) -> Cohort:
    """A series, a volume, a picture in an archive, a radiograph in an archive, a picture."""
    write_ct(write_dicom, HOUNSFIELD)
    write_volume(tmp_path / "brain.nii.gz", HOUNSFIELD[:3])
    Image.fromarray(np.full((SIDE, SIDE), 51, np.uint8)).save(tmp_path / "plain.png")
    Image.fromarray(np.full((SIDE, SIDE), 102, np.uint8)).save(tmp_path / "zipped.png")
    ramp = np.linspace(0, 4095, SIDE * SIDE).astype(np.uint16).reshape(SIDE, SIDE)
    radiograph = write_dicom("radiograph.dcm", ramp, BitsStored=12, WindowCenter=2047.5, WindowWidth=4095,
                             VOILUTFunction="LINEAR_EXACT")  # fmt: skip
    with zipfile.ZipFile(tmp_path / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (tmp_path / "zipped.png", radiograph):
            archive.write(file, f"inner/{file.name}")
            file.unlink()
    places = ["ct", "brain.nii.gz", "archive.zip/inner/zipped.png", "archive.zip/inner/radiograph.dcm", "plain.png"]
    rows = "".join(f"{place},p{i},{'xy'[i % 2]}\n" for i, place in enumerate(places))
    (tmp_path / "cohort.csv").write_text(f"path,patient_id,label\n{rows}")
    return read_cohort(tmp_path)


def spread(voxels: np.ndarray) -> np.ndarray:
    """The central 99 % of all slices together, on 16 bits."""
    low, high = np.percentile(voxels, (0.5, 99.5))
    return np.clip((voxels - low) / (high - low), 0, 1) * 65_535


def test_every_kind_of_case_is_converted_into_its_own_pictures(cohort: Cohort, tmp_path: Path) -> None:
    written = convert_cohort(cohort, folder=tmp_path / "out", preprocess=SMALL, read=ReadConfig())
    assert written.ledger.counts() == {"inputs": 5, "read": 5, "excluded": 0, "failed": 0}
    assert [row.loader for row in written.ledger.rows] == ["dicom", "nifti", "raster", "dicom", "raster"]
    assert written.planes == 5 + 3 + 1 + 1 + 1
    assert written.bytes == written.planes * SIDE * SIDE * 2
    found = prepare_cohort(read_cohort(tmp_path / "out"), preprocess=SMALL, folder=tmp_path / "cache")
    series, volume, zipped, radiograph, plain = (planes[:, 0] for planes in found.arrays)
    np.testing.assert_allclose(series, spread(HOUNSFIELD), atol=1)
    np.testing.assert_allclose(volume, spread(HOUNSFIELD[:3]), atol=1)
    assert (zipped == 102 * 257).all()
    assert (plain == 51 * 257).all()
    np.testing.assert_allclose(radiograph[0].ravel(), np.floor(np.linspace(0, 4095, SIDE**2)) / 4095 * 65535, atol=1)
    assert found.kinds == ("CT", "OT", "OT", "CR", "OT")


def test_a_series_may_lie_in_a_folder_of_an_archive(tmp_path: Path, write_dicom: Write) -> None:
    folder = write_ct(write_dicom, HOUNSFIELD)
    expected = planes_of(folder)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"one/ct/{file.name}")
        archive.writestr("other/notes.txt", "words")
    (tmp_path / "cohort.csv").write_text("path,patient_id,label\narchive.zip/one/ct,1,x\narchive.zip/none,2,y\n")
    cohort = read_cohort(tmp_path, allow_missing=True)
    for _ in range(2):
        found = prepare_cohort(cohort, preprocess=SMALL, folder=tmp_path / "cache")
        assert [(row.status, row.code) for row in found.ledger.rows] == [("read", ""), ("failed", "NotFound")]
        np.testing.assert_array_equal(found.arrays[0], expected)


def test_a_case_says_what_its_planes_are_wherever_it_comes_from(cohort: Cohort, tmp_path: Path) -> None:
    """From the files, from a cache that holds them, and from a converted cohort."""
    folder = tmp_path / "out"
    direct = prepare_cohort(cohort, preprocess=SMALL, folder=tmp_path / "cache")
    cached = prepare_cohort(cohort, preprocess=SMALL, folder=tmp_path / "cache")
    convert_cohort(cohort, folder=folder, preprocess=SMALL, read=ReadConfig())
    converted = prepare_cohort(read_cohort(folder), preprocess=SMALL, folder=tmp_path / "none")
    for found in (direct, cached, converted):
        views = [found.arrays.views(case) for case in range(len(found.arrays))]
        assert views == [(View("axial", 5),), (View("axial", 3),), *[(View("", 1),)] * 3]
        assert [found.arrays.planes(case) for case in range(len(found.arrays))] == [5, 3, 1, 1, 1]
        cases, planes = np.array([1, 0, 4, 0]), np.array([2, 4, 0, 0])
        expected = [found.arrays[case][plane] for case, plane in zip(cases.tolist(), planes.tolist(), strict=True)]
        np.testing.assert_allclose(found.arrays.load(cases, planes), np.stack(expected) / 65_535, rtol=2e-7)


@pytest.mark.parametrize("size", [SIDE, 45])
def test_dicom_and_nifti_of_one_volume_give_the_same_pictures_slice_for_slice(
    tmp_path: Path, write_dicom: Write, size: int
) -> None:
    how = PreprocessConfig(size=size)
    voxels = np.where(HOUNSFIELD[:, :, 8:] > 700, HOUNSFIELD[:, :, 8:], -900)  # not square, so that padding counts
    series = planes_of(write_ct(write_dicom, voxels), how)
    volume = planes_of(write_volume(tmp_path / "a.nii.gz", voxels), how)
    assert series.shape == (5, 1, size, size)
    np.testing.assert_array_equal(series, volume)
    assert not np.array_equal(series, series[..., ::-1])


def write_both(write: Write, folder: Path, voxels: np.ndarray, affine: np.ndarray) -> tuple[Path, Path]:
    """The same `slice row column` volume as a DICOM series and as NIfTI."""
    to_dicom = np.diag([-1.0, -1.0, 1.0])
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    across, down = (to_dicom @ affine[:3, axis] / steps[axis] for axis in (2, 1))
    for k, pixels in enumerate(voxels):
        place = to_dicom @ (affine @ [k, 0, 0, 1])[:3]
        write_ct(write, pixels[np.newaxis], f"series/{k}", ImageOrientationPatient=[*across, *down],
                 ImagePositionPatient=place.tolist(), PixelSpacing=steps[1:].tolist(), Modality="MR",
                 SeriesInstanceUID="1.7", SOPInstanceUID=f"1.2.78.{k}", SOPClassUID=MRImageStorage,
                 RescaleSlope=None, RescaleIntercept=None)  # fmt: skip
    return folder / "series", write_nifti(folder / "volume.nii.gz", voxels.T + 1024, affine[:, [2, 1, 0, 3]])


OBLIQUE = np.array([[1, -0.1, 0.2], [0.1, 1, -0.15], [-0.2, 0.15, 1]])
"""Directions a little beside those of the patient."""


@pytest.mark.parametrize(
    ("axes", "spacing", "own"),
    [
        ("ALI", (3.0, 0.7, 0.7), "coronal"),  # columns grow to the feet: turned, too
        ("AIL", (4.0, 0.5, 0.9), "coronal"),
        ("RIP", (1.2, 1.0, 1.0), "sagittal"),
        ("IPL", (5.0, 0.9, 0.7), "axial"),
        ("LIP", (1.0, 1.0, 1.0), "axial"),  # nothing says that it was acquired in sagittal planes
    ],
)
@pytest.mark.parametrize("slices", ["acquired", "coronal", "triplanar"])
def test_dicom_and_nifti_of_one_series_give_equal_planes_however_it_was_acquired(
    tmp_path: Path, write_dicom: Write, axes: str, spacing: tuple[float, ...], own: str, slices: Any
) -> None:
    directions, _ = np.linalg.qr(OBLIQUE)
    directions *= np.sign(np.diag(directions))
    place = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
    affine = np.eye(4)
    for axis, (letter, step) in enumerate(zip(axes, spacing, strict=True)):
        affine[:3, axis] = directions[:, place[letter]] * step * (1 if letter in "RAS" else -1)
    affine[:3, 3] = 11.3, -7.7, 40.1
    voxels = np.random.default_rng(1).integers(-1000, 1500, (6, 20, 28)).astype(np.int16)
    how = PreprocessConfig(size=SIDE, slices=slices, mr_scaling="z_score")
    settings = ReadConfig(nifti_modality="MR")
    series, volume = (
        prepared_item(place, preprocess=how, settings=settings)
        for place in write_both(write_dicom, tmp_path, voxels, affine)
    )
    assert series.prepared is not None, series.row
    assert volume.prepared is not None, volume.row
    views = series.prepared.views
    assert views == volume.prepared.views
    expected = {"acquired": [own], "coronal": ["coronal"], "triplanar": ["axial", "coronal", "sagittal"]}[slices]
    assert [view.axis for view in views] == expected
    np.testing.assert_array_equal(series.prepared.planes, volume.prepared.planes)
    assert series.modality == volume.modality == "MR"


@pytest.mark.real_data
@pytest.mark.parametrize("number", [4, 5])
@pytest.mark.parametrize("slices", ["acquired", "triplanar"])
def test_a_real_mr_series_and_dcm2niix_s_volume_of_it_give_equal_planes(number: int, slices: Any) -> None:
    root = real_data() / "scans" / "nih_mr"
    how = PreprocessConfig(size=64, slices=slices, mr_scaling="percentile")
    series = prepared_item(root / "dicom" / "20180918GE" / f"mr_{number:04}", preprocess=how, part="stack 3 of 10")
    file = root / "nifti_reference" / f"DCM2NIIX_regression_test_{number}.nii"
    volume = prepared_item(file, preprocess=how, settings=ReadConfig(volume=2, nifti_modality="MR"))
    assert series.prepared is not None, series.row
    assert volume.prepared is not None, volume.row
    assert series.prepared.views == volume.prepared.views
    np.testing.assert_array_equal(series.prepared.planes, volume.prepared.planes)


@pytest.mark.parametrize(
    ("rows", "columns"), [((0, -1, 0), (1, 0, 0)), ((0, 1, 0), (-1, 0, 0)), ((1, 0, 0), (0, 1, 0))]
)
def test_an_unusual_orientation_shows_the_same_pictures(
    tmp_path: Path, write_dicom: Write, rows: tuple[int, ...], columns: tuple[int, ...]
) -> None:
    """Series whose rows or columns run the other way, or are swapped, against the upright one, slice by slice."""
    upright = planes_of(write_ct(write_dicom, HOUNSFIELD))
    place = np.array([-10.0, -20.0])
    turned = HOUNSFIELD
    far = np.array([(SIDE - 1) * SPACING[1], (SIDE - 1) * SPACING[0]])
    if rows[0]:  # row indices grow to L, column indices to P
        turned = HOUNSFIELD.swapaxes(1, 2)
    else:
        if rows[1] < 0:
            turned, place = turned[:, ::-1], place + np.array([0, far[1]])
        if columns[0] < 0:
            turned, place = turned[:, :, ::-1], place + np.array([far[0], 0])
    spacing = list(SPACING[1::-1]) if rows[0] else list(SPACING[:2])
    for k, pixels in enumerate(turned):
        write_ct(write_dicom, pixels[np.newaxis], f"turned/{k}", ImageOrientationPatient=[*columns, *rows],
                 ImagePositionPatient=[*place.tolist(), k * SPACING[2]], PixelSpacing=spacing,
                 SeriesInstanceUID="1.9", SOPInstanceUID=f"1.2.77.{k}")  # fmt: skip
    np.testing.assert_array_equal(planes_of(tmp_path / "turned"), upright)


def test_a_hounsfield_window_on_a_real_series(write_dicom: Write) -> None:
    how = PreprocessConfig(size=SIDE, hu_window=(40, 400))
    found = planes_of(write_ct(write_dicom, HOUNSFIELD), how)
    np.testing.assert_allclose(found[:, 0] / 65_535, np.clip((HOUNSFIELD + 160) / 400, 0, 1), atol=1e-5)
    without = write_ct(write_dicom, HOUNSFIELD, "no_rescale", RescaleSlope=None, RescaleIntercept=None)
    refused = prepared_item(without, preprocess=how)
    assert (refused.prepared, refused.row.status, refused.row.code) == (None, "failed", "RescaleMissing")


def test_a_range_of_uptake_on_a_real_series(write_dicom: Write) -> None:
    """370 MBq one half-life before the scan, 74 kg: 74,000 g / 185 MBq = 4e-4 ml/Bq; ten Bq/ml a stored unit."""
    isotope = Dataset()
    isotope.RadionuclideTotalDose, isotope.RadionuclideHalfLife = 370e6, 6586.2
    isotope.RadiopharmaceuticalStartTime = "100000"
    pet = {
        "Modality": "PT", "SOPClassUID": PositronEmissionTomographyImageStorage, "Units": "BQML",
        "CorrectedImage": ["DECY", "ATTN"], "DecayCorrection": "START", "PatientWeight": 74,
        "SeriesDate": "20240301", "SeriesTime": "114946.2", "AcquisitionDate": "20240301",
        "AcquisitionTime": "114946.2", "FrameReferenceTime": 0, "ActualFrameDuration": 120_000,
        "RadiopharmaceuticalInformationSequence": [isotope], "RescaleSlope": 10, "RescaleIntercept": 0,
    }  # fmt: skip
    stored = np.abs(HOUNSFIELD) * 2
    how = PreprocessConfig(size=SIDE, suv_range=(2, 10))
    found = planes_of(write_ct(write_dicom, stored - 1024, **pet), how)
    np.testing.assert_allclose(found[:, 0] / 65_535, np.clip((stored * 4e-3 - 2) / 8, 0, 1), atol=1e-5)
    raw = write_ct(write_dicom, stored - 1024, "uncorrected", **{**pet, "CorrectedImage": ["DECY"]})
    refused = prepared_item(raw, preprocess=how)
    assert (refused.prepared, refused.row.status, refused.row.code) == (None, "failed", "SuvUnavailable")
    assert "ATTN" in refused.row.reason
